import fc from 'fast-check';
import { expect, test } from 'vitest';
import { step, type StreamState } from './stream-state.ts';
import type { StateEvent } from './wire.ts';

const append = (_stream: string, state: unknown, change: unknown) => `${String(state)}${String(change)}`;
const snapshot = (version: number): StateEvent => ({ kind: 'snapshot', stream: 's', version, state: `s${version}` });
const change = (from: number, version: number): StateEvent => ({
  kind: 'change',
  stream: 's',
  from,
  version,
  change: '+',
});
const at = (version: number): StreamState => ({ version, state: 'x' });

test.each<[string, StreamState, StateEvent, boolean, string]>([
  ['the first snapshot', undefined, snapshot(3), true, 'moved'],
  ['a newer snapshot', at(2), snapshot(3), false, 'moved'],
  ['the same snapshot again', at(3), snapshot(3), true, 'known'],
  ['an older snapshot that comes late', at(4), snapshot(3), false, 'known'],
  ['an older snapshot as the first answer', at(4), snapshot(3), true, 'moved'],
  ['the next change', at(3), change(3, 4), false, 'moved'],
  ['a change that starts before what is known', at(3), change(1, 4), false, 'moved'],
  ['the same change again', at(4), change(3, 4), false, 'known'],
  ['a change that starts after what is known', at(3), change(4, 5), true, 'gap'],
  ['a change before any snapshot', undefined, change(0, 1), true, 'gap'],
])('%s', (_what, known, event, first, kind) => {
  expect(step(known, event, first, append).kind).toBe(kind);
});

test('only an older snapshot resets', () => {
  expect(step(at(4), snapshot(3), true, append)).toMatchObject({ reset: true });
  expect(step(at(2), snapshot(3), true, append)).toMatchObject({ reset: false });
});

test('a change is folded into the state', () => {
  expect(step(at(3), change(3, 4), false, append)).toMatchObject({ next: { version: 4, state: 'x+' } });
});

test('within a connection the version never falls', () => {
  const event = fc.oneof(
    fc.nat(20).map(snapshot),
    fc.tuple(fc.nat(20), fc.nat(20)).map(([from, more]) => change(from, from + more)),
  );
  fc.assert(
    fc.property(fc.array(event), (events) => {
      let known: StreamState;
      for (const each of events) {
        const verdict = step(known, each, false, append);
        if (verdict.kind !== 'moved') continue;
        expect(verdict.next.version).toBeGreaterThan(known?.version ?? -1);
        known = verdict.next;
      }
    }),
  );
});
