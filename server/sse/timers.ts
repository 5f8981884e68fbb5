/** Time as a dependency, so that tests need not wait. */
export type Timers = {
  /** Milliseconds, only to be compared with each other. */
  now(): number;
  /** Calls `task` once after `ms`, or every `ms`, until the function that is returned is called. */
  after(ms: number, task: () => void): () => void;
  every(ms: number, task: () => void): () => void;
};

/** None of these keeps the process alive: the server's sockets do. */
export const systemTimers: Timers = {
  now: () => performance.now(),
  after: (ms, task) => {
    const timer = setTimeout(task, ms).unref();
    return () => clearTimeout(timer);
  },
  every: (ms, task) => {
    const timer = setInterval(task, ms).unref();
    return () => clearInterval(timer);
  },
};
