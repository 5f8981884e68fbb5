import { backoff } from './backoff.ts';
import type { LiveStatus } from './live-client.ts';
import type { Timers } from './timers.ts';
import { parseServerEvent, SERVER_EVENTS, type EventSourceLike, type ServerEvent } from './wire.ts';

/** Why the server would not open the stream, as a plain request to the same URL told. */
export type Refusal = {
  readonly status: number;
  /** `Retry-After` in ms. */
  readonly retryAfterMs?: number;
  /** The streams that it will not serve, with the reason for people. */
  readonly refused?: readonly { readonly stream: string; readonly detail: string }[];
};

export type ConnectionOptions = {
  /** The URL for the streams and versions of this moment; `undefined` when there is nothing to follow. */
  readonly url: () => string | undefined;
  readonly openSource: (url: string) => EventSourceLike;
  /** Asks why a URL could not be opened; `undefined` when the network gives no answer. */
  readonly explain: (url: string) => Promise<Refusal | undefined>;
  readonly onEvent: (event: ServerEvent, connection: number) => void;
  readonly onRefused: (refusal: Refusal) => void;
  readonly onStatus: (status: LiveStatus) => void;
  readonly timers: Timers;
  /** Silence, in ms, after which a connection counts as dead. */
  readonly silenceMs: number;
};

/** A connection that stays up for this long, in ms, makes earlier failures forgotten. */
const HEALTHY_MS = 10_000;

/** Time for a new connection to open, in ms, before it counts as failed. */
const OPEN_MS = 15_000;

type Source = { readonly source: EventSourceLike; readonly id: number; readonly url: string; openedAt?: number };

/**
 * One EventSource at a time, for ever. The platform's own reconnecting is not used: it gives up for good on any
 * answer but 200, so each failure closes the EventSource, and a new one is made after a back-off. A change of
 * streams opens the new EventSource before the old one closes; what comes twice is sorted out by version.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  #current: Source | undefined;
  #next: Source | undefined;
  #opened = 0;
  #failures = 0;
  #downSince: number | undefined;
  /** The server asked not to be called before this time (`Retry-After`). */
  #notBefore = 0;
  #lastEventAt = 0;
  #lastTickAt = 0;
  #cancelRetry: (() => void) | undefined;
  #cancelWatch: (() => void) | undefined;
  #status: LiveStatus = { kind: 'connecting' };
  #closed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  get status(): LiveStatus {
    return this.#status;
  }

  /** Opens with the streams of this moment; closes when there are none. While a retry is due, waits for that. */
  reopen(): void {
    if (this.#closed || this.#cancelRetry !== undefined) return;
    this.#connect();
  }

  /** Connects at once, whatever the back-off says. */
  retryNow(): void {
    if (this.#closed || this.#status.kind === 'live') return;
    this.#connect();
  }

  /** After a wake-up or a change of network: a connection that has been silent for too long is given up at once. */
  check(): void {
    if (this.#closed) return;
    if (this.#cancelRetry !== undefined) {
      if (this.#options.timers.now() >= this.#notBefore) this.#connect();
    } else if (this.#isSilent()) this.#fail();
  }

  close(): void {
    this.#closed = true;
    this.#drop();
    this.#cancelRetry?.();
    this.#cancelWatch?.();
  }

  #connect(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#next?.source.close();
    this.#next = undefined;
    const url = this.#options.url();
    if (url === undefined) {
      this.#drop();
      this.#cancelWatch?.();
      this.#cancelWatch = undefined;
      return;
    }
    const next: Source = { source: this.#options.openSource(url), id: ++this.#opened, url };
    this.#next = next;
    this.#lastEventAt = this.#options.timers.now();
    if (this.#current === undefined && this.#status.kind !== 'waiting') this.#report({ kind: 'connecting' });
    next.source.addEventListener('open', () => this.#onOpen(next));
    next.source.addEventListener('error', () => this.#onError(next));
    for (const type of SERVER_EVENTS) {
      next.source.addEventListener(type, (event) => this.#onServerEvent(next, type, event.data));
    }
    this.#watch();
  }

  #onOpen(source: Source): void {
    if (source !== this.#next) return;
    this.#current?.source.close();
    this.#current = source;
    this.#next = undefined;
    const now = this.#options.timers.now();
    source.openedAt = now;
    this.#lastEventAt = now;
    this.#downSince = undefined;
    this.#report({ kind: 'live' });
  }

  #onError(source: Source): void {
    if (source === this.#next) this.#fail(source);
    else if (source === this.#current) {
      if (this.#next === undefined) this.#fail();
      else {
        source.source.close();
        this.#current = undefined;
      }
    }
  }

  #onServerEvent(source: Source, type: string, data: unknown): void {
    if (source !== this.#current && source !== this.#next) return;
    this.#lastEventAt = this.#options.timers.now();
    const event = parseServerEvent(type, data);
    if (event !== undefined) this.#options.onEvent(event, source.id);
  }

  /** Gives up what is open and waits for the next try. A source that never opened may have been refused: ask. */
  #fail(refusedSource?: Source): void {
    const now = this.#options.timers.now();
    const openedAt = this.#current?.openedAt;
    if (openedAt !== undefined && now - openedAt >= HEALTHY_MS) this.#failures = 0;
    this.#failures += 1;
    this.#downSince ??= now;
    this.#drop();
    this.#retryAfter(backoff(this.#failures, this.#options.timers.random()));
    if (refusedSource !== undefined) void this.#askWhy(refusedSource.url);
  }

  async #askWhy(url: string): Promise<void> {
    const pending = this.#cancelRetry;
    const refusal = await this.#options.explain(url).catch(() => undefined);
    if (refusal === undefined || this.#closed || this.#cancelRetry !== pending) return;
    if (refusal.refused !== undefined && refusal.refused.length > 0) {
      this.#options.onRefused(refusal);
      this.#connect();
    } else if (refusal.retryAfterMs !== undefined) {
      this.#notBefore = this.#options.timers.now() + refusal.retryAfterMs;
      this.#retryAfter(backoff(this.#failures, this.#options.timers.random(), refusal.retryAfterMs));
    }
  }

  #retryAfter(ms: number): void {
    this.#cancelRetry?.();
    const { timers } = this.#options;
    this.#cancelRetry = timers.after(ms, () => this.#connect());
    this.#report({ kind: 'waiting', since: this.#downSince ?? timers.now(), retryAt: timers.now() + ms });
  }

  /** Looks at the clock a few times per silence limit, so that a wake-up from sleep is noticed at the first tick. */
  #watch(): void {
    if (this.#cancelWatch !== undefined) return;
    const { timers, silenceMs } = this.#options;
    const periodMs = silenceMs / 6;
    this.#lastTickAt = timers.now();
    const tick = () => {
      this.#cancelWatch = timers.after(periodMs, tick);
      const slept = timers.now() - this.#lastTickAt > silenceMs;
      this.#lastTickAt = timers.now();
      if (slept) this.check();
      else if (this.#isSilent()) this.#fail(this.#next);
    };
    this.#cancelWatch = timers.after(periodMs, tick);
  }

  #isSilent(): boolean {
    const silence = this.#options.timers.now() - this.#lastEventAt;
    if (this.#next !== undefined && silence > OPEN_MS) return true;
    return this.#current !== undefined && silence > this.#options.silenceMs;
  }

  #drop(): void {
    this.#current?.source.close();
    this.#next?.source.close();
    this.#current = undefined;
    this.#next = undefined;
  }

  #report(status: LiveStatus): void {
    if (status.kind === this.#status.kind && status.kind !== 'waiting') return;
    this.#status = status;
    this.#options.onStatus(status);
  }
}
