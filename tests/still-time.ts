import { vi } from 'vitest';

/** The time of day stands still until it is moved; timers go on. `vi.useRealTimers` ends it. */
export function stillTime(start = '2026-03-01T12:00:00.000Z') {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date(start) });
  return { advance: (ms: number) => void vi.setSystemTime(Date.now() + ms) };
}
