import type { EventSourceLike } from './wire.ts';

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
