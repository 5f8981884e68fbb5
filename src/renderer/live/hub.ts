import { Connection, type ConnectionOptions } from './connection.ts';
import { step, type Fold, type StreamState } from './stream-state.ts';
import type { Heartbeat, StateEvent, ToHub, ToWindow } from './wire.ts';

export type HubOptions = Pick<ConnectionOptions, 'openSource' | 'explain'> & {
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

/** Windows are looked after this often, in ms; one that has not asked in so many rounds is gone, or will ask anew. */
const ROUND_MS = 60_000;
const GONE_ROUNDS = 3;

type Stream = {
  known: StreamState;
  /** The server has said that `known` is so, and not just a memory. */
  confirmed: boolean;
  readonly peers: Set<Peer>;
  /** The connection on which its latest event came. */
  seenOn: number;
  linger: ReturnType<typeof setTimeout> | undefined;
};

type Peer = { readonly send: (message: ToWindow) => void; silentRounds: number };

/**
 * All windows' streams on one connection. It counts who follows what, remembers each stream's state and version,
 * and hands each event on only to windows that follow that stream. Whoever asks is told where each of his streams
 * stands, and how old the proof of that is. Memory: one state per followed stream.
 */
export class Hub {
  readonly #options: HubOptions;
  readonly #connection: Connection;
  readonly #streams = new Map<string, Stream>();
  readonly #peers = new Set<Peer>();
  #reopening: ReturnType<typeof setTimeout> | undefined;
  #round: ReturnType<typeof setTimeout> | undefined;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#connection = new Connection({
      ...options,
      url: () => this.#url(),
      onEvent: (event, connection) => this.#onEvent(event, connection),
      onHeartbeat: (heartbeat) => this.#hasAll(heartbeat),
      onRefused: ({ refused = [] }) => {
        for (const { stream, detail } of refused) this.#refuse(stream, detail);
      },
      onNews: () => this.#beat(),
    });
  }

  /** Adds a window. `send` must not throw; it is called with everything that the window is to know. */
  attach(send: (message: ToWindow) => void): HubPort {
    const peer: Peer = { send, silentRounds: 0 };
    this.#welcome(peer);
    return { receive: (message) => this.#receive(peer, message) };
  }

  /** Streams followed or lingering, for tests and diagnostics. */
  get size(): number {
    return this.#streams.size;
  }

  close(): void {
    clearTimeout(this.#reopening);
    clearTimeout(this.#round);
    for (const stream of this.#streams.values()) clearTimeout(stream.linger);
    this.#connection.close();
    this.#streams.clear();
    this.#peers.clear();
  }

  #welcome(peer: Peer): void {
    if (this.#peers.has(peer)) return;
    this.#peers.add(peer);
    this.#round ??= setTimeout(() => this.#lookAfterPeers(), ROUND_MS);
  }

  #receive(peer: Peer, message: ToHub): void {
    peer.silentRounds = 0;
    if (message.type === 'bye') return this.#remove(peer);
    // A window that thawed after it was given up speaks again: it is as good as new.
    this.#welcome(peer);
    if (message.type === 'ask') this.#answer(peer, message.at);
    else if (message.type === 'open') this.#open(peer, message.stream);
    else if (message.type === 'close') this.#leave(peer, message.stream);
    else if (message.type === 'retry') this.#connection.retryNow();
    else this.#connection.check();
  }

  /** What was sent to the window before this is where its streams stand: it can see whether it has all that. */
  #answer(peer: Peer, at: number): void {
    // Asked by a window that is not throttled, it does not wait for a timer that may be.
    this.#connection.look();
    const { status, everyMs, ageMs } = this.#connection;
    const followed = [...this.#streams].filter(([, { peers }]) => peers.has(peer));
    const versions = new Map(followed.map(([name, { known }]) => [name, known?.version]));
    peer.send({ type: 'answer', at, status, everyMs, ageMs, versions });
  }

  /** Follows a stream; where its state is known, the window has it at once. */
  #open(peer: Peer, name: string): void {
    const stream = this.#streams.get(name);
    if (stream !== undefined) {
      clearTimeout(stream.linger);
      stream.peers.add(peer);
      this.#sendState(peer, name, stream);
      return;
    }
    const opened: Stream = {
      known: undefined,
      confirmed: false,
      peers: new Set([peer]),
      seenOn: 0,
      linger: undefined,
    };
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
      for (const peer of stream.peers) this.#sendState(peer, name, stream);
    }
    this.#reopenSoon();
  }

  /** The state; a window that is ahead of it goes back only if the server has said so. */
  #sendState(peer: Peer, name: string, { known, confirmed }: Stream): void {
    if (known !== undefined) peer.send({ type: 'snapshot', event: { stream: name, ...known }, reset: confirmed });
  }

  #leave(peer: Peer, name: string): void {
    const stream = this.#streams.get(name);
    if (stream === undefined || !stream.peers.delete(peer) || stream.peers.size > 0) return;
    clearTimeout(stream.linger);
    stream.linger = setTimeout(() => {
      this.#streams.delete(name);
      this.#reopenSoon();
    }, LINGER_MS);
  }

  #remove(peer: Peer): void {
    for (const name of this.#streams.keys()) this.#leave(peer, name);
    this.#peers.delete(peer);
  }

  #reopenSoon(): void {
    this.#reopening ??= setTimeout(() => {
      this.#reopening = undefined;
      this.#connection.reopen();
    }, SETTLE_MS);
  }

  #onEvent(event: StateEvent, connection: number): void {
    const stream = this.#streams.get(event.stream);
    if (stream === undefined) return;
    // An older connection that is about to close must not count as the answer of the newer one.
    const first = connection > stream.seenOn;
    stream.seenOn = Math.max(stream.seenOn, connection);
    const verdict = step(stream.known, event, first, this.#options.fold);
    stream.confirmed = true;
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

  /** Whether every stream that a window follows is here as far as the server has sent it; asks for what is not. */
  #hasAll({ versions }: Heartbeat): boolean {
    let hasAll = true;
    let missed = false;
    for (const [name, stream] of this.#streams) {
      if (versions === undefined) stream.confirmed = true;
      if (versions === undefined || stream.peers.size === 0) continue;
      const { known } = stream;
      const sent = versions.get(name);
      stream.confirmed ||= sent !== undefined && sent === known?.version;
      hasAll &&= sent !== undefined && known !== undefined && sent <= known.version;
      missed ||= sent !== undefined && (known === undefined || sent > known.version);
    }
    if (missed) this.#reopenSoon();
    return hasAll;
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
    clearTimeout(stream.linger);
    this.#streams.delete(name);
    for (const peer of stream.peers) peer.send({ type: 'problem', stream: name, detail });
  }

  /** There is news for all: each is to ask for itself. */
  #beat(): void {
    for (const peer of this.#peers) peer.send({ type: 'beat' });
  }

  #lookAfterPeers(): void {
    this.#round = undefined;
    for (const peer of this.#peers) {
      if (peer.silentRounds >= GONE_ROUNDS) this.#remove(peer);
      else peer.send({ type: 'beat' });
      peer.silentRounds += 1;
    }
    if (this.#peers.size > 0) this.#round = setTimeout(() => this.#lookAfterPeers(), ROUND_MS);
  }
}
