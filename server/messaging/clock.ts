/** Time as a dependency, so that tests need not wait. */
export type Clock = {
  /** Milliseconds, only to be compared with each other. */
  now(): number;
  /** Resolves after `ms`; rejects with the signal's reason as soon as it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
};

export const systemClock: Clock = {
  now: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const refuse = (): void => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', refuse);
        resolve();
      }, ms);
      signal?.addEventListener('abort', refuse, { once: true });
    }),
};
