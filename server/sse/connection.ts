import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { encodeEvent } from './encoding.ts';
import type { CloseReason } from './metrics.ts';
import type { Timers } from './timers.ts';
import type { Spoke } from './wheel.ts';

/** Where a connection fetches what its client lacks. */
export interface Source {
  /**
   * The next bytes, which the caller will write without fail; empty ones mean "ask again"; `undefined` means that
   * there is nothing more for now, and that the source will call `Connection.pump` when there is.
   */
  take(): Buffer | undefined | Promise<Buffer | undefined>;
  /** What the client was sent so far, as far as that is all there is; without it a heartbeat vouches for nothing. */
  proof?(): Proof;
  /** The connection is gone. */
  close(): void;
}

/** What a heartbeat vouches for: the versions that the client was sent, where nothing later is known. */
export type Proof = {
  readonly versions: Readonly<Record<string, number>>;
  /** How long ago, in ms, the one was looked at that was looked at first. */
  readonly ageMs: number;
};

/** What all connections of a kind have in common. */
export type ConnectionPolicy = {
  /** How long a browser is to wait before it reconnects, in ms. */
  readonly retryMs: number;
  /** Bytes that may wait for one client; what comes beyond that is left to its pump. */
  readonly bufferLimitBytes: number;
  /** A client that takes nothing at all for so long, in ms, is dropped. */
  readonly stallMs: number;
  readonly timers: Timers;
  readonly random: () => number;
  readonly heartbeat: (connection: Connection) => Buffer;
  readonly onError: (error: unknown, connection: Connection) => void;
  readonly onClose: (reason: CloseReason, connection: Connection) => void;
};

/** An event larger than this is written piece by piece, so that a slow client's progress shows. */
const SLICE_BYTES = 64 * 1024;

/**
 * One client's event stream: writes prepared bytes to the socket while the client takes them, and else waits until
 * it does and then pumps from the source, which then has something newer. Ends by age, and drops who stalls.
 */
export class Connection implements Spoke {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  slot = 0;
  readonly #source: Source;
  readonly #policy: ConnectionPolicy;
  /** When the connection began and when it is to end, in the timers' ms. */
  readonly #beganAt: number;
  readonly #endsAt: number;
  /** The bare socket where that is safe (see {@link writableOf}), else the response. */
  readonly #sink: Writable;
  readonly #limit: number;
  #state: 'new' | 'open' | 'ended' | 'closed' = 'new';
  #closeReason: CloseReason = 'client';
  #pumping = false;
  /** Set while nothing is written until the client has taken what was. */
  #waitingSince: number | undefined;
  /** What is left of an event that is written in pieces. */
  #rest: Buffer | undefined;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    source: Source,
    endsAt: number,
    policy: ConnectionPolicy,
  ) {
    this.request = request;
    this.response = response;
    this.#source = source;
    this.#beganAt = policy.timers.now();
    this.#endsAt = endsAt;
    this.#policy = policy;
    this.#sink = writableOf(request, response);
    this.#limit = Math.max(policy.bufferLimitBytes, this.#sink.writableHighWaterMark);
    response.once('close', () => this.#close());
  }

  get isOver(): boolean {
    return this.#state === 'ended' || this.#state === 'closed';
  }

  /** Bytes that wait for the client. */
  get queuedBytes(): number {
    return this.#sink.writableLength + (this.#rest?.length ?? 0);
  }

  /** Those of them that are this client's own: the rest of an event in pieces is the same bytes for all. */
  get ownQueuedBytes(): number {
    return this.#sink.writableLength;
  }

  /** For how long, in ms, there has been this connection. */
  get ageMs(): number {
    return this.#policy.timers.now() - this.#beganAt;
  }

  proof(): Proof | undefined {
    return this.#source.proof?.();
  }

  /** Writes to the client, unless it has more to take already than it may. */
  offer(bytes: Buffer): boolean {
    if (this.isOver || this.#waitingSince !== undefined || this.#sink.writableLength > this.#limit) return false;
    this.#write(bytes);
    return true;
  }

  /** Writes what the source has, as long as the client takes it. */
  pump(): void {
    if (!this.#pumping) void this.#pump();
  }

  /** Once in every heartbeat period. */
  visit(): void {
    const now = this.#policy.timers.now();
    if (this.isOver) this.response.destroy();
    else if (this.#waitingSince !== undefined && now - this.#waitingSince >= this.#policy.stallMs) this.drop('slow');
    // Not within an event: a client that needs long for a large one would never have it.
    else if (now >= this.#endsAt && this.#rest === undefined)
      this.end('age', Math.round(this.#policy.random() * this.#policy.retryMs));
    else if (this.#state === 'open') this.offer(this.#policy.heartbeat(this));
  }

  /** Ends the stream after what was written; the client is to come back after `retryMs`. */
  end(reason: CloseReason, retryMs: number): void {
    if (this.isOver) return;
    if (this.#state === 'new') this.#start();
    // Within an event a field would become part of it: then the client's own delay has to do.
    if (this.#rest === undefined) this.#sink.write(encodeEvent({ retry: retryMs }));
    this.#closeReason = reason;
    this.#state = 'ended';
    this.response.end();
  }

  drop(reason: CloseReason): void {
    if (this.#state !== 'ended') this.#closeReason = reason;
    this.response.destroy();
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    try {
      while (!this.isOver && this.#waitingSince === undefined) {
        if (this.#sink.writableLength > this.#limit) {
          this.#waitForDrain();
          return;
        }
        const taken = this.#source.take();
        const bytes = taken instanceof Promise ? await taken : taken;
        if (this.isOver) return;
        if (bytes === undefined) {
          if (this.#state === 'new') this.#start();
          return;
        }
        if (bytes.length > 0) this.#write(bytes);
      }
    } catch (error) {
      if (!this.isOver) this.#fail(error);
    } finally {
      this.#pumping = false;
    }
  }

  #fail(error: unknown): void {
    this.#closeReason = 'error';
    const hasBegun = this.#state === 'open';
    this.#policy.onError(error, this);
    if (hasBegun) this.response.destroy();
    this.#close();
  }

  #write(bytes: Buffer): void {
    if (this.#state === 'new') this.#start(bytes);
    // What the pump was waiting for comes after an event that is being written in pieces since then.
    else if (this.#rest !== undefined) this.#rest = Buffer.concat([this.#rest, bytes]);
    else this.#writePiece(bytes);
  }

  #writePiece(bytes: Buffer): void {
    if (bytes.length <= SLICE_BYTES) {
      this.#rest = undefined;
      this.#sink.write(bytes);
    } else {
      this.#rest = bytes.subarray(SLICE_BYTES);
      this.#sink.write(bytes.subarray(0, SLICE_BYTES));
      this.#waitForDrain();
    }
    if (this.#sink !== this.response) return;
    (this.response as { flush?: () => void }).flush?.(); // The compression middleware holds events back without it.
  }

  #waitForDrain(): void {
    this.#waitingSince = this.#policy.timers.now();
    const drained = () => {
      this.#waitingSince = undefined;
      if (this.isOver) return;
      if (this.#rest !== undefined) this.#writePiece(this.#rest);
      if (this.#rest === undefined) this.pump();
    };
    if (this.#sink.writableNeedDrain) this.#sink.once('drain', drained);
    else setImmediate(drained);
  }

  /** Writes the head, the reconnection time and the first event in one go. */
  #start(first?: Buffer): void {
    this.#state = 'open';
    writeHead(this.request, this.response);
    this.#sink.cork();
    this.response.flushHeaders();
    this.#sink.write(encodeEvent({ retry: this.#policy.retryMs }));
    if (first !== undefined) this.#writePiece(first);
    this.#sink.uncork();
  }

  #close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#rest = undefined;
    this.#source.close();
    this.#policy.onClose(this.#closeReason, this);
  }
}

/** Sets status and headers of an event stream, without sending them. */
export function writeHead(request: IncomingMessage, response: ServerResponse): void {
  response.statusCode = 200;
  response.setHeader('Content-Type', 'text/event-stream; charset=utf-8');
  // no-transform keeps proxies and the compression middleware from gathering events before they send them.
  response.setHeader('Cache-Control', 'no-cache, no-transform');
  response.setHeader('X-Accel-Buffering', 'no');
  if (request.httpVersionMajor > 1) return;
  // The body ends with the connection, so that it needs no chunks and events are the same bytes for HTTP/1.0 and 1.1.
  response.setHeader('Connection', 'close');
  response.removeHeader('Transfer-Encoding');
}

/**
 * The socket itself, where nothing stands between the response and it: HTTP/1, no earlier answer of a pipeline under
 * way, no middleware that wrapped `write`. That is half the cost of `ServerResponse.write`, per event and client.
 */
function writableOf(request: IncomingMessage, response: ServerResponse): Writable {
  const isBare = request.httpVersionMajor === 1 && !Object.hasOwn(response, 'write');
  return isBare && response.socket !== null ? response.socket : response;
}
