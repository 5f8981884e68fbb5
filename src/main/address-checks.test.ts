import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AddressChecks } from './address-checks.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a check of an address', () => {
  const ok = (url: string) => ({ kind: 'ok' as const, url, version: '1' });

  it('gets its own answer, whatever the order of answers', async () => {
    const send = vi.fn();
    const checks = new AddressChecks(send);
    const [first, second] = [checks.check('a'), checks.check('b')];
    const [a, b] = send.mock.calls.map(([{ id }]) => id);
    checks.onMessage({ type: 'checked', id: b, check: ok('b') });
    checks.onMessage({ type: 'checked', id: a, check: ok('a') });
    expect([await first, await second]).toEqual([ok('a'), ok('b')]);
  });

  it('ends even when the server process never answers', async () => {
    const pending = new AddressChecks(vi.fn()).check('a');
    await vi.advanceTimersByTimeAsync(15_000);
    expect(await pending).toMatchObject({ kind: 'refused', reason: 'unreachable' });
  });
});
