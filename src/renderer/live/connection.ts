import { backoff } from './backoff.ts';
import { WallClockWatch } from './wall-clock.ts';
import {
  DEFAULT_EVERY_MS,
  parseServerEvent,
  SERVER_EVENTS,
  type EventSourceLike,
  type Heartbeat,
  type HubStatus,
  type StateEvent,
} from './wire.ts';

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
  readonly onEvent: (event: StateEvent, connection: number) => void;
  /** Whether everything is here that the heartbeat says was sent. */
  readonly onHeartbeat: (heartbeat: Heartbeat) => boolean;
  readonly onRefused: (refusal: Refusal) => void;
  /** The status or the age of the proof has changed. */
  readonly onNews: () => void;
};

/** A connection that stays up for this long, in ms, makes earlier failures forgotten. */
const HEALTHY_MS = 10_000;

/** Time for a new connection to open, in ms, before it counts as failed. */
const OPEN_MS = 15_000;

/** Heartbeats of silence after which a connection counts as dead. */
const SILENT_BEATS = 2.5;

type Source = {
  readonly source: EventSourceLike;
  readonly id: number;
  readonly url: string;
  openedAt?: number;
  /** When it last gave a sign of life, or was made. */
  heardAt: number;
  /** When the server began to count `upMs`, as far as its fastest heartbeat tells. */
  beganAt: number;
};

/**
 * One EventSource at a time, for ever. The platform's own reconnecting is not used: it gives up for good on any
 * answer but 200, so each failure closes the EventSource, and a new one is made after a back-off. A change of
 * streams opens the new EventSource before the old one closes; what comes twice is sorted out by version.
 *
 * It keeps the age of the proof that the way from the server works (README.md). All that goes by is measured with
 * `performance.now()`, which nobody can set.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #wallClock = new WallClockWatch();
  #everyMs = DEFAULT_EVERY_MS;
  #isTold = false;
  #current: Source | undefined;
  #next: Source | undefined;
  #opened = 0;
  #failures = 0;
  #downSince: number | undefined;
  /** The server asked not to be called before this time (`Retry-After`). */
  #notBefore = 0;
  #lastTickAt = 0;
  #provenAt: number | undefined;
  /** The last heartbeat told of something that is not here: a new connection alone is no proof that it comes. */
  #lacks = false;
  #retry: { readonly at: number; readonly timer: ReturnType<typeof setTimeout> } | undefined;
  #watch: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  get status(): HubStatus {
    const now = performance.now();
    if (this.#current !== undefined) return { kind: 'live' };
    if (this.#downSince === undefined) return { kind: 'connecting' };
    return {
      kind: 'waiting',
      downMs: now - this.#downSince,
      retryInMs: this.#retry && Math.max(0, this.#retry.at - now),
    };
  }

  /** The server's period; `undefined` as long as it has not told. */
  get everyMs(): number | undefined {
    return this.#isTold ? this.#everyMs : undefined;
  }

  /** How long ago, in ms, it was proved that everything comes here; `undefined` when it was not, or not since a jump. */
  get ageMs(): number | undefined {
    return this.#provenAt === undefined ? undefined : performance.now() - this.#provenAt;
  }

  /** Opens with the streams of this moment; closes when there are none. While a retry is due, waits for that. */
  reopen(): void {
    if (this.#closed || this.#retry !== undefined) return;
    this.#connect();
  }

  /** Connects at once, whatever the back-off says. */
  retryNow(): void {
    if (!this.#closed) this.#connect();
  }

  /** After a wake-up or a change of network: does not wait for what a timer would find. */
  check(): void {
    if (this.#closed) return;
    if (this.#retry !== undefined) {
      if (performance.now() >= this.#notBefore) this.#connect();
    } else this.look();
  }

  /** A connection that was silent for too long is given up; one across which the clocks jumped is proved by a new one. */
  look(): void {
    const jumped = this.#wallClock.jumped(this.#everyMs);
    if (this.#closed || this.#retry !== undefined) return;
    if (this.#isSilent()) this.#fail(this.#next);
    else if (jumped) {
      this.#provenAt = undefined;
      this.#connect();
    }
  }

  close(): void {
    this.#closed = true;
    this.#drop();
    clearTimeout(this.#retry?.timer);
    clearTimeout(this.#watch);
  }

  #connect(): void {
    clearTimeout(this.#retry?.timer);
    this.#retry = undefined;
    this.#next?.source.close();
    this.#next = undefined;
    const url = this.#options.url();
    if (url === undefined) {
      this.#drop();
      clearTimeout(this.#watch);
      this.#watch = this.#provenAt = this.#downSince = undefined;
      return;
    }
    const now = performance.now();
    const source = this.#options.openSource(url);
    const next: Source = { source, id: ++this.#opened, url, heardAt: now, beganAt: now };
    this.#next = next;
    source.addEventListener('open', () => this.#onOpen(next));
    source.addEventListener('error', () => this.#onError(next));
    for (const type of SERVER_EVENTS) {
      source.addEventListener(type, (event) => this.#onServerEvent(next, type, event.data));
    }
    this.#startWatch();
    this.#options.onNews();
  }

  /** An answer of 200: the server was there, and sends what is lacking next. */
  #onOpen(source: Source): void {
    if (source !== this.#next) return;
    this.#current?.source.close();
    this.#current = source;
    this.#next = undefined;
    const now = performance.now();
    source.openedAt = now;
    source.beganAt = now;
    source.heardAt = now;
    if (!this.#lacks) this.#provenAt = now;
    this.#downSince = undefined;
    this.#options.onNews();
  }

  #onError(source: Source): void {
    if (source === this.#next) this.#fail(source);
    else if (source === this.#current) {
      if (this.#next === undefined) this.#fail();
      else {
        source.source.close();
        this.#current = undefined;
        this.#options.onNews();
      }
    }
  }

  #onServerEvent(source: Source, type: string, data: unknown): void {
    if (source !== this.#current && source !== this.#next) return;
    source.heardAt = performance.now();
    const event = parseServerEvent(type, data);
    if (event === undefined) return;
    if (event.kind !== 'heartbeat') this.#options.onEvent(event, source.id);
    else if (source === this.#current) this.#onHeartbeat(source, event);
  }

  /** A heartbeat proves as much as it is whole, and is as old as it comes late, against the fastest of its connection. */
  #onHeartbeat(source: Source, heartbeat: Heartbeat): void {
    const now = performance.now();
    this.#isTold ||= heartbeat.everyMs !== undefined;
    if (heartbeat.everyMs !== undefined && heartbeat.everyMs !== this.#everyMs) {
      this.#everyMs = heartbeat.everyMs;
      this.#startWatch();
    }
    const beganAt = now - (heartbeat.upMs ?? now - source.beganAt);
    source.beganAt = Math.min(source.beganAt, beganAt);
    const lateMs = beganAt - source.beganAt;
    this.#lacks = !this.#options.onHeartbeat(heartbeat);
    if (!this.#lacks) {
      this.#provenAt = Math.max(this.#provenAt ?? -Infinity, now - lateMs - (heartbeat.ageMs ?? 0));
    }
    // What is on the way for so long is faster by another way.
    if (lateMs > this.#everyMs) this.reopen();
    this.#options.onNews();
  }

  /** Gives up what is open and waits for the next try. A source that never opened may have been refused: ask. */
  #fail(refusedSource?: Source): void {
    const now = performance.now();
    const openedAt = this.#current?.openedAt;
    if (openedAt !== undefined && now - openedAt >= HEALTHY_MS) this.#failures = 0;
    this.#failures += 1;
    this.#downSince ??= now;
    this.#drop();
    this.#retryIn(backoff(this.#failures, Math.random()));
    if (refusedSource !== undefined) void this.#askWhy(refusedSource.url);
  }

  async #askWhy(url: string): Promise<void> {
    const pending = this.#retry;
    const refusal = await this.#options.explain(url).catch(() => undefined);
    if (refusal === undefined || this.#closed || this.#retry !== pending) return;
    if (refusal.refused !== undefined && refusal.refused.length > 0) {
      this.#options.onRefused(refusal);
      this.#connect();
    } else if (refusal.retryAfterMs !== undefined) {
      this.#notBefore = performance.now() + refusal.retryAfterMs;
      this.#retryIn(backoff(this.#failures, Math.random(), refusal.retryAfterMs));
    }
  }

  #retryIn(ms: number): void {
    clearTimeout(this.#retry?.timer);
    this.#retry = { at: performance.now() + ms, timer: setTimeout(() => this.#connect(), ms) };
    this.#options.onNews();
  }

  /** Looks a few times per silence limit, so that a wake-up from sleep is noticed at the first tick. */
  #startWatch(): void {
    clearTimeout(this.#watch);
    this.#lastTickAt = performance.now();
    const tick = () => {
      this.#watch = setTimeout(tick, this.#silenceMs / 6);
      const slept = performance.now() - this.#lastTickAt > this.#silenceMs;
      this.#lastTickAt = performance.now();
      if (slept) this.check();
      else this.look();
    };
    this.#watch = setTimeout(tick, this.#silenceMs / 6);
  }

  get #silenceMs(): number {
    return SILENT_BEATS * this.#everyMs;
  }

  #isSilent(): boolean {
    const silence = (source: Source | undefined) => performance.now() - (source?.heardAt ?? Infinity);
    return silence(this.#next) > OPEN_MS || silence(this.#current) > this.#silenceMs;
  }

  #drop(): void {
    this.#current?.source.close();
    this.#next?.source.close();
    this.#current = undefined;
    this.#next = undefined;
  }
}
