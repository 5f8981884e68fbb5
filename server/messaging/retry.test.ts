import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BacklogFullError, BrokerUnavailableError, ConflictError, kindOf, PermanentError } from './errors.ts';
import { backOff, retry, wait } from './retry.ts';

const outage = new BrokerUnavailableError('away');
const conflict = new ConflictError('others were first');
const permanent = new PermanentError('never');
const unknown = new Error('why?');

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Work that fails with these errors, one after the other, and then succeeds. */
const failing = (...errors: unknown[]) => {
  const work = vi.fn<(attempt: number) => Promise<string>>();
  for (const error of errors) work.mockRejectedValueOnce(error);
  return work.mockResolvedValue('done');
};
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

/** What became of a promise once all waits are over. */
async function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  const outcome = promise.catch((error: unknown) => error);
  await vi.runAllTimersAsync();
  return outcome;
}

describe('what an error is', () => {
  it('it says itself, or what caused it does', () => {
    expect(kindOf(outage)).toBe('outage');
    expect(kindOf(new Error('the step failed', { cause: outage }))).toBe('outage');
    expect(kindOf(Object.assign(new Error('elsewhere'), { kind: 'conflict' }))).toBe('conflict');
    expect(kindOf(new PermanentError('given up', { cause: outage }))).toBe('permanent');
  });

  it('nobody knows of other errors, and of what is none', () => {
    const circle: { cause?: unknown } = {};
    circle.cause = circle;
    for (const error of [unknown, { kind: 'not-found' }, 'outage', null, undefined, circle])
      expect(kindOf(error)).toBeUndefined();
  });
});

describe('trying again', () => {
  it.each([
    ['an outage', outage],
    ['a full backlog', new BacklogFullError('full')],
    ['a conflict', conflict],
    ['an error that an outage caused', new Error('the step failed', { cause: outage })],
  ])('goes on as long as there is %s', async (_, error) => {
    expect(await outcomeOf(retry(failing(...times(50, error))))).toBe('done');
  });

  it('ends at once with an error that is permanent, or that says nothing', async () => {
    for (const error of [permanent, unknown]) {
      const work = failing(error);
      expect(await outcomeOf(retry(work))).toBe(error);
      expect(work).toHaveBeenCalledTimes(1);
    }
    expect(await outcomeOf(retry(failing(permanent), { maxAttempts: 9 }))).toBe(permanent);
  });

  it('counts each kind alone', async () => {
    const mixed = [unknown, ...times(9, outage), conflict, conflict, unknown];
    expect(await outcomeOf(retry(failing(...mixed), { maxAttempts: 3, maxConflicts: 3 }))).toBe('done');
    expect(await outcomeOf(retry(failing(...mixed), { maxAttempts: 2 }))).toBe(unknown);
    expect(await outcomeOf(retry(failing(...mixed), { maxAttempts: 3, maxConflicts: 2 }))).toBe(conflict);
    expect(await outcomeOf(retry(failing(...mixed), { maxAttempts: 3, maxOutages: 9 }))).toBe(outage);
  });

  it('tells the work which attempt it is, and the caller what failed', async () => {
    const work = failing(outage, conflict);
    const onRetry = vi.fn();
    await outcomeOf(retry(work, { onRetry }));
    expect(work.mock.calls).toEqual([[1], [2], [3]]);
    expect(onRetry.mock.calls.map(([error, tried]) => [error, tried])).toEqual([
      [outage, 1],
      [conflict, 2],
    ]);
  });

  it('waits twice as long each time, up to the bound', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    const waits: number[] = [];
    const onRetry = (_: unknown, __: number, waitMs: number) => void waits.push(waitMs);
    await outcomeOf(retry(failing(...times(5, outage)), { initialMs: 100, maxMs: 500, onRetry }));
    expect(waits).toEqual([100, 200, 400, 500, 500]);
  });

  it('waits as long as an error asks for, also longer than a timer can', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    const patient = failing(Object.assign(new BrokerUnavailableError('busy'), { retryAfterMs: 5_000 }));
    const outcome = retry(patient);
    await vi.advanceTimersByTimeAsync(4_999);
    expect(patient).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(await outcome).toBe('done');

    const forever = failing(Object.assign(new BrokerUnavailableError('busy'), { retryAfterMs: 3e9 }));
    void retry(forever);
    await vi.advanceTimersByTimeAsync(1_000_000);
    expect(forever).toHaveBeenCalledTimes(1);
  });

  it('ends with the last error when the signal is aborted in a wait, and leaves no timer', async () => {
    const abort = new AbortController();
    const work = failing(outage);
    const outcome = retry(work, { signal: abort.signal }).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(10);
    abort.abort(new Error('stop'));
    expect(await outcome).toBe(outage);
    expect(vi.getTimerCount()).toBe(0);
    expect(work).toHaveBeenCalledTimes(1);
  });

  it('does not begin after the signal is aborted', async () => {
    const work = failing();
    await expect(retry(work, { signal: AbortSignal.abort(new Error('stop')) })).rejects.toThrow('stop');
    expect(work).not.toHaveBeenCalled();
  });
});

describe('a wait', () => {
  it('is spread to either side, beyond the bound too', () => {
    const random = vi.spyOn(Math, 'random');
    const waitWith = (value: number, tried = 20) => (random.mockReturnValue(value), backOff(tried, { maxMs: 1_000 }));
    expect([waitWith(0), waitWith(0.5), waitWith(0.999_999)]).toEqual([750, 1_000, 1_250]);
    expect(waitWith(0.5, 5_000)).toBe(1_000);
  });

  it('ends early with the reason of its signal, and begins not at all after that', async () => {
    const abort = new AbortController();
    const early = expect(wait(1_000, abort.signal)).rejects.toThrow('stop');
    abort.abort(new Error('stop'));
    await early;
    await expect(wait(1_000, abort.signal)).rejects.toThrow('stop');
    expect(vi.getTimerCount()).toBe(0);
  });
});
