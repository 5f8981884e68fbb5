import type { Link, LinkEnd } from './link.ts';
import type { LiveClient, LiveStatus, StreamListener } from './live-client.ts';
import { WallClockWatch } from './wall-clock.ts';
import {
  DEFAULT_EVERY_MS,
  type ChangeEvent,
  type HubStatus,
  type Proof,
  type SnapshotEvent,
  type ToWindow,
} from './wire.ts';

type Follower = { readonly listener: StreamListener; version: number | undefined };

/** Heartbeats for which a window may say Live without a new proof: 40 s. */
const LIVE_BEATS = 8 / 3;
/** A window asks the hub so often in a heartbeat: every 5 s. */
const ASKS = 3;
/** A hub that has not answered for so many heartbeats, 10 s, is dead; but never sooner than this, in ms. */
const DEAD_BEATS = 2 / 3;
const LEAST_DEAD_MS = 3_000;

/**
 * A window's end: keeps each listener at its own version, so that one that comes later gets a snapshot while the
 * others are not disturbed. Everything that comes twice, late or for nobody is dropped here.
 *
 * It says Live by its own judgement alone: it asks the hub again and again, and compares what it has with what it
 * should have. A proof is as old as the question, at the least.
 */
export class WindowClient implements LiveClient {
  readonly #link: Link;
  readonly #followers = new Map<string, Set<Follower>>();
  readonly #statusListeners = new Set<(status: LiveStatus) => void>();
  readonly #wallClock = new WallClockWatch();
  #hubStatus: HubStatus = { kind: 'connecting' };
  #hubStatusAt = performance.now();
  #everyMs = DEFAULT_EVERY_MS;
  #provenAt: number | undefined;
  /** Something is lacking that is on its way: whatever comes next may be it. */
  #lacks = true;
  #unansweredSince: number | undefined;
  /** Ticks since then: after a pause of this very window the first one blames nobody. */
  #unansweredTicks = 0;
  #tick: ReturnType<typeof setTimeout>;
  #expiry: ReturnType<typeof setTimeout> | undefined;
  #status: LiveStatus = { kind: 'connecting' };

  constructor(openLink: (end: LinkEnd) => Link) {
    this.#link = openLink({ receive: (message) => this.#receive(message), onHub: () => this.#greet() });
    this.#tick = setTimeout(() => this.#onTick(), this.#askMs);
    this.#ask();
  }

  get status(): LiveStatus {
    return this.#status;
  }

  open(stream: string, listener: StreamListener): () => void {
    const follower: Follower = { listener, version: undefined };
    const followers = this.#followers.get(stream) ?? new Set();
    followers.add(follower);
    this.#followers.set(stream, followers);
    this.#link.send({ type: 'open', stream });
    return () => {
      if (!followers.delete(follower) || followers.size > 0 || this.#followers.get(stream) !== followers) return;
      this.#followers.delete(stream);
      this.#link.send({ type: 'close', stream });
    };
  }

  onStatus(listener: (status: LiveStatus) => void): () => void {
    this.#statusListeners.add(listener);
    return () => this.#statusListeners.delete(listener);
  }

  retryNow(): void {
    this.#link.send({ type: 'retry' });
  }

  /** The window woke up, thawed or is visible again: looks at once at what a timer would find. */
  check(): void {
    this.#distrustJumps();
    this.#link.send({ type: 'check' });
    this.#answered();
    this.#ask();
    this.#judge();
  }

  /** The window goes away, perhaps to come back from the back-forward cache with `check`. */
  bye(): void {
    this.#link.send({ type: 'bye' });
  }

  close(): void {
    this.bye();
    clearTimeout(this.#tick);
    clearTimeout(this.#expiry);
    this.#followers.clear();
    this.#statusListeners.clear();
    this.#link.close();
  }

  /** Another hub is at the other end: it is told what this window follows. */
  #greet(): void {
    this.#answered();
    this.#provenAt = undefined;
    this.#hubStatus = { kind: 'connecting' };
    for (const stream of this.#followers.keys()) this.#link.send({ type: 'open', stream });
    this.#ask();
    this.#judge();
  }

  #receive(message: ToWindow): void {
    switch (message.type) {
      case 'beat':
        return this.#ask();
      case 'answer':
        return this.#onAnswer(message.at, message);
      case 'problem':
        for (const { listener } of this.#of(message.stream)) listener.problem?.(message.detail);
        this.#followers.delete(message.stream);
        return;
      case 'snapshot':
        if (this.#snapshot(message.event, message.reset) && this.#lacks) this.#ask();
        return;
      case 'change':
        if (this.#change(message.event) && this.#lacks) this.#ask();
    }
  }

  #snapshot({ stream, version, state }: SnapshotEvent, reset: boolean): boolean {
    let moved = false;
    for (const follower of this.#of(stream)) {
      const known = follower.version;
      if (known !== undefined && (reset ? version === known : version <= known)) continue;
      follower.version = version;
      follower.listener.snapshot(version, state);
      moved = true;
    }
    return moved;
  }

  #change({ stream, from, version, change }: ChangeEvent): boolean {
    let moved = false;
    let gap = false;
    for (const follower of this.#of(stream)) {
      if (follower.version === undefined || version <= follower.version) continue;
      if (from > follower.version) {
        gap = true;
        continue;
      }
      const known = follower.version;
      follower.version = version;
      follower.listener.change(known, version, change);
      moved = true;
    }
    if (gap) this.#link.send({ type: 'open', stream });
    return moved;
  }

  #ask(): void {
    const at = performance.now();
    this.#unansweredSince ??= at;
    this.#link.send({ type: 'ask', at });
  }

  #onAnswer(askedAt: number, { status, everyMs, ageMs, versions }: Proof): void {
    this.#answered();
    this.#hubStatus = status;
    this.#hubStatusAt = performance.now();
    this.#everyMs = everyMs ?? this.#everyMs;
    this.#lacks = !this.#hasAll(versions);
    if (!this.#lacks && ageMs !== undefined) {
      this.#provenAt = Math.max(this.#provenAt ?? -Infinity, askedAt - ageMs);
    }
    this.#judge();
  }

  /** Whether this window has what the hub sent it; asks for what it has not. */
  #hasAll(versions: Proof['versions']): boolean {
    let hasAll = true;
    for (const [stream, followers] of this.#followers) {
      const version = versions.get(stream);
      const isHere = version !== undefined && [...followers].every((follower) => follower.version === version);
      hasAll &&= isHere;
      // A stream that the hub does not know yet comes by itself.
      if (!isHere && (version !== undefined || !versions.has(stream))) this.#link.send({ type: 'open', stream });
    }
    for (const stream of versions.keys()) {
      if (!this.#followers.has(stream)) this.#link.send({ type: 'close', stream });
    }
    return hasAll;
  }

  #onTick(): void {
    this.#tick = setTimeout(() => this.#onTick(), this.#askMs);
    this.#distrustJumps();
    if (this.#unansweredSince !== undefined) {
      this.#unansweredTicks += 1;
      const silentMs = performance.now() - this.#unansweredSince;
      if (this.#unansweredTicks > 1 && silentMs >= Math.max(LEAST_DEAD_MS, DEAD_BEATS * this.#everyMs)) {
        this.#answered();
        this.#link.renew();
      }
    }
    this.#ask();
    this.#judge();
  }

  #answered(): void {
    this.#unansweredSince = undefined;
    this.#unansweredTicks = 0;
  }

  #distrustJumps(): void {
    if (!this.#wallClock.jumped(this.#everyMs)) return;
    this.#provenAt = undefined;
    this.#link.send({ type: 'check' });
  }

  #judge(): void {
    clearTimeout(this.#expiry);
    const { kind } = this.#hubStatus;
    const leftMs = this.#provenAt === undefined ? 0 : this.#provenAt + LIVE_BEATS * this.#everyMs - performance.now();
    if (kind === 'waiting') this.#report(waiting(this.#hubStatus, this.#hubStatusAt));
    else if (kind === 'connecting' || leftMs <= 0) this.#report({ kind: 'connecting' });
    else {
      this.#expiry = setTimeout(() => this.#judge(), leftMs);
      this.#report({ kind: 'live' });
    }
  }

  #report(status: LiveStatus): void {
    const before = this.#status;
    if (status.kind === before.kind && isSameWait(status, before)) return;
    this.#status = status;
    for (const listener of [...this.#statusListeners]) listener(status);
  }

  get #askMs(): number {
    return this.#everyMs / ASKS;
  }

  #of(stream: string): Follower[] {
    return [...(this.#followers.get(stream) ?? [])];
  }
}

/** The hub's spans as times of this window's clock. */
function waiting({ downMs, retryInMs }: Extract<HubStatus, { kind: 'waiting' }>, now: number): LiveStatus {
  return { kind: 'waiting', since: now - downMs, retryAt: retryInMs === undefined ? undefined : now + retryInMs };
}

/** Spans that travelled are never the same to the millisecond. */
function isSameWait(a: LiveStatus, b: LiveStatus): boolean {
  if (a.kind !== 'waiting' || b.kind !== 'waiting') return true;
  if (a.retryAt === undefined || b.retryAt === undefined) return a.retryAt === b.retryAt;
  return Math.abs(a.retryAt - b.retryAt) < 250;
}
