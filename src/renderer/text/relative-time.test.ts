import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { relativeTime } from './relative-time.ts';

const NOW = Date.parse('2026-03-04T12:00:00Z');
const ago = (seconds: number) => relativeTime(NOW - seconds * 1000, NOW);

describe('relativeTime', () => {
  it.each([
    [0, 'now'],
    [44, 'now'],
    [50, '1m ago'],
    [5 * 60, '5m ago'],
    [3 * 3600, '3h ago'],
    [26 * 3600, '1d ago'],
    [20 * 24 * 3600, '3w ago'],
    [400 * 24 * 3600, '1y ago'],
    [59 * 60, '59m ago'],
    [59.6 * 60, '1h ago'],
    [3600, '1h ago'],
    [23.4 * 3600, '23h ago'],
    [23.6 * 3600, '1d ago'],
    [6.6 * 24 * 3600, '1w ago'],
    [31 * 24 * 3600, '4w ago'],
    [32 * 24 * 3600, '1mo ago'],
    [360 * 24 * 3600, '1y ago'],
  ])('says of %i seconds ago: %s', (seconds, text) => {
    expect(ago(seconds)).toBe(text);
  });

  it('never says as many of a unit as make the next one, and never an older age for a younger time', () => {
    const MOST: Record<string, number> = { m: 59, h: 23, d: 6, w: 4, mo: 11, y: Infinity };
    const UNIT_SECONDS: Record<string, number> = {
      m: 60,
      h: 3600,
      d: 86_400,
      w: 604_800,
      mo: 2_592_000,
      y: 31_536_000,
    };
    const ageSaid = (seconds: number) => {
      const [, count = '0', unit = ''] = /^(\d+)(\w+) ago$/.exec(ago(seconds)) ?? [];
      if (ago(seconds) !== 'now') expect(Number(count)).toBeLessThanOrEqual(MOST[unit] ?? 0);
      return Number(count) * (UNIT_SECONDS[unit] ?? 0);
    };
    const age = fc.oneof(
      fc.integer({ min: -100_000, max: 100_000 }),
      fc.integer({ min: -1e9, max: 4e9 }),
      fc
        .tuple(
          fc.constantFrom(...Object.values(UNIT_SECONDS)),
          fc.integer({ min: 1, max: 60 }),
          fc.integer({ min: -1, max: 1 }),
        )
        .map(([unit, count, off]) => unit * count + off),
    );
    fc.assert(
      fc.property(age, age, (a, b) => {
        const [younger, older] = [Math.min(a, b), Math.max(a, b)];
        expect(ageSaid(younger)).toBeLessThanOrEqual(ageSaid(older));
        if (older >= 45) expect(ageSaid(older) / older).toBeGreaterThan(0.6);
        if (older >= 45) expect(ageSaid(older) / older).toBeLessThan(1.5);
      }),
    );
  });

  it('takes a time in the future for now, for clocks differ', () => {
    expect(ago(-3600)).toBe('now');
  });
});
