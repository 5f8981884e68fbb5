import { Connection, type ConnectionOptions } from './connection.ts';
import type { LiveStatus } from './live-client.ts';
import { step, type Fold, type StreamState } from './stream-state.ts';
import type { Timers } from './timers.ts';
import type { ServerEvent, ToHub, ToWindow } from './wire.ts';

export type HubOptions = Pick<ConnectionOptions, 'openSource' | 'explain' | 'timers' | 'silenceMs'> & {
  /** The address of the multiplexed stream, without its query. */
  readonly url: string;
  /** Applies a change to a state: the hub keeps the state for windows that come later. */
  readonly fold: Fold;
  /** Keeps states beyond the hub's life, so that what was last seen is there before, and without, a connection. */
  readonly memory?: StreamMemory;
};

/** States as they were when a hub last knew them. What it holds may be old: versions sort that out. */
export interface StreamMemory {
  /** Settles soon and never rejects: the first connection of a stream waits for it. */
  recall(stream: string): Promise<StreamState>;
  keep(stream: string, known: NonNullable<StreamState>): void;
}

/** One window's end of the hub. */
export type HubPort = { receive(message: ToHub): void };

/** Streams that one connection carries at the most (the server's limit), and bytes of its URL. */
const MAX_STREAMS = 200;
const MAX_URL_LENGTH = 8_000;

/** A stream that nobody follows any more is kept for this long, in ms: going back to a feed costs nothing. */
const LINGER_MS = 30_000;

/** Changes of the set of streams within this time, in ms, open one connection and not several. */
const SETTLE_MS = 20;

/** A window that did not answer for this long, in ms, is gone (crashed, or frozen: then it says hello again). */
const PING_MS = 60_000;
const GONE_MS = 3.5 * PING_MS;

type Stream = {
  known: StreamState;
  readonly peers: Set<Peer>;
  /** The connection on which its latest event came. */
  seenOn: number;
  cancelLinger: (() => void) | undefined;
};

type Peer = { readonly send: (message: ToWindow) => void; heardAt: number };

/**
 * All windows' streams on one connection. It counts who follows what, remembers each stream's state and version,
 * and hands each event on only to windows that follow that stream. Memory: one state per followed stream.
 */
export class Hub {
  readonly #options: HubOptions;
  readonly #timers: Timers;
  readonly #connection: Connection;
  readonly #streams = new Map<string, Stream>();
  readonly #peers = new Set<Peer>();
  #cancelReopen: (() => void) | undefined;
  #cancelPing: (() => void) | undefined;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#timers = options.timers;
    this.#connection = new Connection({
      ...options,
      url: () => this.#url(),
      onEvent: (event, connection) => this.#onEvent(event, connection),
      onRefused: ({ refused = [] }) => {
        for (const { stream, detail } of refused) this.#refuse(stream, detail);
      },
      onStatus: (status) => this.#broadcastStatus(status),
    });
  }

  /** Adds a window. `send` must not throw; it is called with everything that the window is to know. */
  attach(send: (message: ToWindow) => void): HubPort {
    const peer: Peer = { send, heardAt: this.#timers.now() };
    this.#welcome(peer);
    return { receive: (message) => this.#receive(peer, message) };
  }

  /** Streams followed or lingering, for tests and diagnostics. */
  get size(): number {
    return this.#streams.size;
  }

  close(): void {
    this.#cancelReopen?.();
    this.#cancelPing?.();
    for (const stream of this.#streams.values()) stream.cancelLinger?.();
    this.#connection.close();
  }

  #welcome(peer: Peer): void {
    if (this.#peers.has(peer)) return;
    this.#peers.add(peer);
    peer.send({ type: 'status', status: this.#connection.status });
    this.#cancelPing ??= this.#timers.after(PING_MS, () => this.#ping());
  }

  #receive(peer: Peer, message: ToHub): void {
    peer.heardAt = this.#timers.now();
    if (message.type === 'bye') return this.#remove(peer);
    // A window that thawed after it was given up speaks again: it is as good as new.
    this.#welcome(peer);
    if (message.type === 'open') this.#open(peer, message.stream);
    else if (message.type === 'close') this.#leave(peer, message.stream);
    else if (message.type === 'retry') this.#connection.retryNow();
    else if (message.type === 'check') this.#connection.check();
  }

  /** Follows a stream; where its state is known, the window has it at once. */
  #open(peer: Peer, name: string): void {
    const stream = this.#streams.get(name);
    if (stream !== undefined) {
      stream.cancelLinger?.();
      stream.cancelLinger = undefined;
      stream.peers.add(peer);
      if (stream.known !== undefined) {
        peer.send({ type: 'snapshot', event: { stream: name, ...stream.known }, reset: true });
      }
      return;
    }
    const opened: Stream = { known: undefined, peers: new Set([peer]), seenOn: 0, cancelLinger: undefined };
    this.#streams.set(name, opened);
    if (this.#options.memory === undefined) this.#reopenSoon();
    else void this.#recall(name, opened, this.#options.memory);
  }

  /** Begins with what is remembered, if anything is; the server is then asked for what came since. */
  async #recall(name: string, stream: Stream, memory: StreamMemory): Promise<void> {
    const remembered = await memory.recall(name);
    if (this.#streams.get(name) !== stream) return;
    if (remembered !== undefined && stream.known === undefined) {
      stream.known = remembered;
      for (const peer of stream.peers) {
        peer.send({ type: 'snapshot', event: { stream: name, ...remembered }, reset: true });
      }
    }
    this.#reopenSoon();
  }

  #leave(peer: Peer, name: string): void {
    const stream = this.#streams.get(name);
    if (stream === undefined || !stream.peers.delete(peer) || stream.peers.size > 0) return;
    stream.cancelLinger?.();
    stream.cancelLinger = this.#timers.after(LINGER_MS, () => {
      this.#streams.delete(name);
      this.#reopenSoon();
    });
  }

  #remove(peer: Peer): void {
    for (const name of this.#streams.keys()) this.#leave(peer, name);
    this.#peers.delete(peer);
  }

  #reopenSoon(): void {
    this.#cancelReopen ??= this.#timers.after(SETTLE_MS, () => {
      this.#cancelReopen = undefined;
      this.#connection.reopen();
    });
  }

  #onEvent(event: ServerEvent, connection: number): void {
    const stream = this.#streams.get(event.stream);
    if (stream === undefined) return;
    // An older connection that is about to close must not count as the answer of the newer one.
    const first = connection > stream.seenOn;
    stream.seenOn = Math.max(stream.seenOn, connection);
    const verdict = step(stream.known, event, first, this.#options.fold);
    if (verdict.kind === 'gap') {
      stream.known = undefined;
      this.#reopenSoon();
    } else if (verdict.kind === 'moved') {
      stream.known = verdict.next;
      this.#options.memory?.keep(event.stream, verdict.next);
      const message: ToWindow =
        event.kind === 'snapshot' ? { type: 'snapshot', event, reset: verdict.reset } : { type: 'change', event };
      for (const peer of stream.peers) peer.send(message);
    }
  }

  /** Streams in the order they were opened, the newest kept when not all fit. */
  #url(): string | undefined {
    if (this.#streams.size === 0) return undefined;
    let url = `${this.#options.url}?`;
    let count = 0;
    for (const [name, { known }] of [...this.#streams].reverse()) {
      const parameter = `${count === 0 ? '' : '&'}stream=${encodeURIComponent(name)}${known ? `@${known.version}` : ''}`;
      if (++count > MAX_STREAMS || url.length + parameter.length > MAX_URL_LENGTH) {
        this.#refuse(name, 'Too many feeds are open at once; close some windows, then open this one again.');
      } else {
        url += parameter;
      }
    }
    return url;
  }

  #refuse(name: string, detail: string): void {
    const stream = this.#streams.get(name);
    if (stream === undefined) return;
    stream.cancelLinger?.();
    this.#streams.delete(name);
    for (const peer of stream.peers) peer.send({ type: 'problem', stream: name, detail });
  }

  #broadcastStatus(status: LiveStatus): void {
    for (const peer of this.#peers) peer.send({ type: 'status', status });
  }

  #ping(): void {
    this.#cancelPing = undefined;
    for (const peer of this.#peers) {
      if (this.#timers.now() - peer.heardAt > GONE_MS) this.#remove(peer);
      else peer.send({ type: 'ping' });
    }
    if (this.#peers.size > 0) this.#cancelPing = this.#timers.after(PING_MS, () => this.#ping());
  }
}
