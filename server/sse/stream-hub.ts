import { LiveStream, type LiveStreamOptions, type Member } from './live-stream.ts';
import type { KeyedStreamAdapter } from './stream-adapter.ts';
import { Wheel, type Spoke } from './wheel.ts';

export type StreamHubOptions = Omit<LiveStreamOptions, 'topics'> & {
  /** How often a watched stream is read without being told to, in ms: that heals lost messages. */
  readonly rereadMs: number;
  /** How long a stream that nobody watches is kept, in ms, for a client that comes back. */
  readonly lingerMs: number;
  /** Streams that are kept so at most. */
  readonly maxIdle: number;
};

type Entry = Spoke & {
  readonly stream: LiveStream;
  /** When the last client left, in the timers' ms; `undefined` while there is one. */
  idleSince: number | undefined;
};

/** The streams of one adapter that are watched, or were until a moment ago, by name. */
export class StreamHub {
  readonly adapter: KeyedStreamAdapter;
  readonly topics = new Set<string>();
  readonly #options: StreamHubOptions;
  readonly #entries = new Map<string, Entry>();
  /** In the order in which they became idle. */
  readonly #idle = new Set<Entry>();
  readonly #wheel: Wheel<Entry>;
  readonly #closing = new Set<Promise<void>>();

  constructor(adapter: KeyedStreamAdapter, options: StreamHubOptions) {
    this.adapter = adapter;
    this.#options = options;
    this.#wheel = new Wheel(options.rereadMs, options.timers, (entry) => this.#visit(entry));
  }

  /** Streams that are subscribed to, idle ones included. */
  get size(): number {
    return this.#entries.size;
  }

  /** Puts a client on a stream, which begins to be watched if it was not. */
  join(name: string, member: Member): LiveStream {
    const failed = this.#entries.get(name);
    if (failed?.stream.failed) this.#release(failed);
    const entry = this.#entries.get(name) ?? this.#open(name);
    entry.idleSince = undefined;
    this.#idle.delete(entry);
    entry.stream.join(member);
    return entry.stream;
  }

  leave(stream: LiveStream, member: Member): void {
    stream.leave(member);
    const entry = this.#entries.get(stream.name);
    if (entry?.stream !== stream || stream.size > 0) return;
    entry.idleSince = this.#options.timers.now();
    this.#idle.add(entry);
    const [oldest] = this.#idle;
    if (oldest !== undefined && this.#idle.size > this.#options.maxIdle) this.#release(oldest);
  }

  async close(): Promise<void> {
    for (const entry of this.#entries.values()) this.#release(entry);
    await Promise.all(this.#closing);
  }

  #open(name: string): Entry {
    const stream = new LiveStream(name, this.adapter, { ...this.#options, topics: this.topics });
    const entry: Entry = { stream, slot: 0, idleSince: undefined };
    this.#entries.set(name, entry);
    this.#wheel.add(entry);
    return entry;
  }

  #visit(entry: Entry): void {
    const { lingerMs, timers } = this.#options;
    if (entry.idleSince === undefined) entry.stream.check();
    else if (timers.now() - entry.idleSince >= lingerMs) this.#release(entry);
  }

  #release(entry: Entry): void {
    this.#entries.delete(entry.stream.name);
    this.#idle.delete(entry);
    this.#wheel.delete(entry);
    const closing = entry.stream.close().catch((error: unknown) => {
      this.#options.onReadError(error, entry.stream.name);
    });
    this.#closing.add(closing);
    void closing.finally(() => this.#closing.delete(closing));
  }
}
