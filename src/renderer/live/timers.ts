/** Time and chance, as parameters, so that tests need not wait. `now` is in epoch milliseconds. */
export type Timers = {
  now(): number;
  /** Calls back once after `ms`; the function it returns cancels that. */
  after(ms: number, callback: () => void): () => void;
  /** At least 0 and below 1. */
  random(): number;
};

export const systemTimers: Timers = {
  now: () => Date.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};
