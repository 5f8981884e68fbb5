import type { Clock } from './clock.ts';

type Sleeper = { readonly until: number; readonly wake: () => void };

/** A clock that only moves when told to. For tests, of this room and of others. */
export class ManualClock implements Clock {
  #now = 0;
  #sleepers: Sleeper[] = [];
  /** The length in ms of every sleep asked for. */
  readonly slept: number[] = [];

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.slept.push(ms);
    return new Promise((resolve, reject) => {
      const refuse = (): void => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(signal?.reason);
      };
      const wake = (): void => {
        signal?.removeEventListener('abort', refuse);
        resolve();
      };
      const sleeper = { until: this.#now + ms, wake };
      if (signal?.aborted) return refuse();
      signal?.addEventListener('abort', refuse, { once: true });
      this.#sleepers.push(sleeper);
    });
  }

  /** How many sleep now. */
  get sleepers(): number {
    return this.#sleepers.length;
  }

  /** Moves on by `ms`, waking in order all whose time has come, and lets what follows from that run. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      const [next] = this.#sleepers.filter(({ until }) => until <= end).toSorted((a, b) => a.until - b.until);
      if (!next) break;
      this.#now = next.until;
      this.#sleepers = this.#sleepers.filter((other) => other !== next);
      next.wake();
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#now = end;
  }
}
