import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { HandlerContext } from './messaging/handler.ts';
import { newMessage } from './messaging/message.ts';
import { projectionWatch } from './projection-watch.ts';

function watchAt(ages: { oldestMs?: number; oldestUnconfirmedMs?: number } = {}) {
  let now = 0;
  const backlog = { unpublished: 1, oldestMs: 0, unconfirmed: 1, oldestUnconfirmedMs: 0, ...ages };
  const outbox = { backlog: () => Promise.resolve(backlog) };
  const watch = projectionWatch(outbox, () => now);
  const office = watch.office({ keep: async () => undefined });
  const message = newMessage({ topic: 't', key: 'k', payload: '{}', metadata: {} });
  const { signal } = new AbortController();
  const context: HandlerContext = { handler: 'h', signal, closing: signal, attempt: 1 };
  return {
    watch,
    at: (ms: number) => (now = ms),
    handle: (outcome: () => Promise<void>) => watch.middleware(outcome)(message, context),
    keep: () => office.keep({ message, handler: 'h', reason: 'poison', at: '' }),
    check: () => watch.check(signal),
  };
}

describe('the projection', () => {
  it('stands still when an event fails for more than 10 s', async () => {
    const { handle, at, check } = watchAt();
    await handle(() => Promise.reject(new Error('away'))).catch(() => undefined);

    at(10_000);
    await expect(check()).resolves.toBeUndefined();
    at(10_001);
    await expect(check()).rejects.toThrow('an event has waited 10 s to be projected');
  });

  it('moves again when the event gets through', async () => {
    const { handle, at, check, watch } = watchAt();
    await handle(() => Promise.reject(new Error('away'))).catch(() => undefined);
    at(20_000);
    await handle(() => Promise.resolve());

    await expect(check()).resolves.toBeUndefined();
    expect(watch.waiting()).toEqual({ events: 0, oldestMs: 0 });
  });

  it('does not wait for an event that is given up', async () => {
    const { handle, keep, at, check } = watchAt();
    await handle(() => Promise.reject(new Error('poison'))).catch(() => undefined);
    await keep();
    at(20_000);
    await expect(check()).resolves.toBeUndefined();
  });

  it('stands still when events can not be published', async () => {
    await expect(watchAt({ oldestMs: 12_000 }).check()).rejects.toThrow('an event has waited 12 s to be published');
  });

  it('stands still when no process projects what was published, also after it was published again', async () => {
    await expect(watchAt({ oldestUnconfirmedMs: 40_000 }).check()).resolves.toBeUndefined();
    await expect(watchAt({ oldestUnconfirmedMs: 40_001 }).check()).rejects.toThrow(
      'no server has projected it for 40 s',
    );
  });
});

describe('the lag that heartbeats tell', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const watching = (backlog: () => Promise<{ oldestMs: number; oldestUnconfirmedMs: number }>) =>
    projectionWatch({ backlog: async () => ({ unpublished: 0, unconfirmed: 0, ...(await backlog()) }) });

  it('is none while events get through, and grows while one does not, be the write model away meanwhile', async () => {
    let waits = (): { oldestMs: number; oldestUnconfirmedMs: number } => ({ oldestMs: 0, oldestUnconfirmedMs: 300 });
    const watch = watching(async () => waits());
    await vi.advanceTimersByTimeAsync(20_000);
    expect(watch.lagMs()).toBe(0);

    const begin = performance.now();
    waits = () => ({ oldestMs: 0, oldestUnconfirmedMs: performance.now() - begin });
    await vi.advanceTimersByTimeAsync(50_000);
    expect(watch.lagMs()).toBeGreaterThanOrEqual(45_000);
    waits = () => {
      throw new Error('away');
    };
    const before = watch.lagMs();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(watch.lagMs()).toBeGreaterThanOrEqual(before);
    waits = () => ({ oldestMs: 0, oldestUnconfirmedMs: 0 });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(watch.lagMs()).toBe(0);
    watch.close();
  });

  it('is not an hour because a clock was stepped by one', async () => {
    const watch = watching(async () => ({ oldestMs: 0, oldestUnconfirmedMs: 3_600_000 }));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(watch.lagMs()).toBeLessThanOrEqual(5_000);
    watch.close();
  });
});
