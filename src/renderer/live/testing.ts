import type { Timers } from './timers.ts';
import type { EventSourceLike } from './wire.ts';

/** Timers that move when told to. */
export class FakeTimers implements Timers {
  #now = 1_000_000;
  #due: { at: number; callback: () => void }[] = [];
  chance = 0.5;

  now(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): () => void {
    const entry = { at: this.#now + ms, callback };
    this.#due.push(entry);
    return () => {
      this.#due = this.#due.filter((other) => other !== entry);
    };
  }

  random(): number {
    return this.chance;
  }

  /** Runs everything that falls due within `ms`, each at its time. */
  advance(ms: number): void {
    const until = this.#now + ms;
    for (;;) {
      const next = this.#due.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#due = this.#due.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
    }
    this.#now = until;
  }

  /** The machine slept: time has gone by, and no timer ran. */
  sleep(ms: number): void {
    this.#now += ms;
  }

  get pending(): number {
    return this.#due.length;
  }
}

/** An EventSource that does what the test says. */
export class FakeSource implements EventSourceLike {
  readonly url: string;
  closed = false;
  readonly #listeners = new Map<string, ((event: { data?: unknown }) => void)[]>();

  constructor(url: string) {
    this.url = url;
  }

  addEventListener(type: string, listener: (event: { data?: unknown }) => void): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  close(): void {
    this.closed = true;
  }

  emit(type: string, data?: unknown): void {
    if (this.closed) return;
    for (const listener of this.#listeners.get(type) ?? []) {
      listener({ data: data === undefined || typeof data === 'string' ? data : JSON.stringify(data) });
    }
  }

  /** The streams of its URL, as `name` or `name@version`. */
  get streams(): string[] {
    return new URL(this.url, 'http://localhost').searchParams.getAll('stream');
  }
}
