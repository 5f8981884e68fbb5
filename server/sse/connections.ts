import type { IncomingMessage, ServerResponse } from 'node:http';
import { Connection, writeHead, type ConnectionPolicy, type Source } from './connection.ts';
import { encodeComment, encodeEvent } from './encoding.ts';
import { StreamsUnavailable } from './errors.ts';
import type { Format } from './frames.ts';
import type { SseMetrics } from './metrics.ts';
import { overBounds, type QueueBounds } from './queued-bytes.ts';
import type { ErrorHandler } from './stream-adapter.ts';
import { Wheel } from './wheel.ts';

export type ConnectionsOptions = Omit<ConnectionPolicy, 'heartbeat' | 'onError' | 'onClose'> &
  QueueBounds & {
    readonly errorHandler: ErrorHandler;
    readonly heartbeatMs: number;
    readonly lagMs: () => number;
    /** Age at which a connection ends, in ms, ±20 %. */
    readonly maxConnectionMs: number;
    readonly maxConnections: number;
    readonly maxConnectionsPerClient: number;
    readonly clientOf?: (request: IncomingMessage) => string;
    readonly metrics: SseMetrics;
  };

const AGE_JITTER = 0.2;
const DRAIN_STEPS = 20;
/** How often, in ms, it is looked how much waits for clients. */
const LOOK_MS = 1_000;
/** Clients are sent away at least this much apart, in ms, where the time lets it: they all come back somewhere. */
const DRAIN_APART_MS = 5;
const HEARTBEAT_COMMENT = Buffer.from(encodeComment('heartbeat'));

/** All connections of a router: who may have one, their heartbeats, and their end. */
export class Connections {
  readonly #options: ConnectionsOptions;
  /** With the name of the client, where there is `clientOf`. */
  readonly #open = new Map<Connection, string | undefined>();
  readonly #perClient = new Map<string, number>();
  readonly #policies: Record<Format, ConnectionPolicy>;
  readonly #heartbeats: Wheel<Connection>;
  #draining = false;
  #stopLooking: (() => void) | undefined;
  readonly #onEmpty: (() => void)[] = [];

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#policies = {
      multiplexed: this.#policy((connection) => heartbeatEvent(connection, options)),
      single: this.#policy(() => HEARTBEAT_COMMENT),
    };
    this.#heartbeats = new Wheel(options.heartbeatMs, options.timers, (connection) => connection.visit());
  }

  get size(): number {
    return this.#open.size;
  }

  get queuedBytes(): number {
    let bytes = 0;
    for (const connection of this.#open.keys()) bytes += connection.queuedBytes;
    return bytes;
  }

  /**
   * Whether a stream is to begin. Not where the request is HEAD, or the server shuts down, which is answered here, or its
   * client is gone. Throws StreamsUnavailable where none may.
   */
  admit(request: IncomingMessage, response: ServerResponse): boolean {
    const { maxConnections, maxConnectionsPerClient, clientOf } = this.#options;
    const ofClient = (clientOf && this.#perClient.get(clientOf(request))) ?? 0;
    if (this.#draining) return this.#sendAway(request, response);
    if (this.#open.size >= maxConnections) {
      throw this.#refusal(response, 'TOO_MANY_CONNECTIONS', `The server carries ${maxConnections} streams already`);
    }
    if (ofClient >= maxConnectionsPerClient) {
      const message = `You have ${ofClient} streams open already; put them on one connection, or close some`;
      throw this.#refusal(response, 'TOO_MANY_CONNECTIONS_OF_CLIENT', message);
    }
    if (response.destroyed) return false;
    if (request.method !== 'HEAD') return true;
    writeHead(request, response);
    response.end();
    return false;
  }

  /** Opens a connection on a source, which then has to be pumped. */
  open(request: IncomingMessage, response: ServerResponse, source: Source, format: Format): Connection {
    const { metrics, clientOf, maxConnectionMs, timers, random } = this.#options;
    const endsAt = timers.now() + maxConnectionMs * (1 - AGE_JITTER + 2 * AGE_JITTER * random());
    const connection = new Connection(request, response, source, endsAt, this.#policies[format]);
    const client = clientOf?.(request);
    this.#open.set(connection, client);
    this.#heartbeats.add(connection);
    if (client !== undefined) this.#count(client, 1);
    this.#stopLooking ??= timers.every(LOOK_MS, () => this.#dropOverBounds());
    metrics.opened?.();
    return connection;
  }

  /**
   * Sends away whoever comes, and ends all connections one by one: a few at once, many over all of `graceMs`. What is not gone
   * by then is cut off.
   */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true;
    const { timers } = this.#options;
    const waiting = [...this.#open.keys()];
    if (waiting.length === 0) return;
    const perStep = Math.ceil(waiting.length / DRAIN_STEPS);
    const spreadMs = Math.min(graceMs, waiting.length * DRAIN_APART_MS);
    const end = (count: number) => {
      for (const connection of waiting.splice(0, count)) {
        connection.end('drain', this.#comeBackMs());
      }
    };
    const { promise: empty, resolve } = Promise.withResolvers<undefined>();
    this.#onEmpty.push(() => resolve(undefined));
    const stopEnding = timers.every(Math.max(1, spreadMs / (DRAIN_STEPS + 2)), () => end(perStep));
    const cancelCut = timers.after(graceMs, () => {
      end(waiting.length);
      for (const connection of this.#open.keys()) connection.drop('drain');
    });
    await empty;
    stopEnding();
    cancelCut();
  }

  /**
   * A stream that ends at once: a proxy may know no other server yet, and browsers never come back by themselves after a 503.
   */
  #sendAway(request: IncomingMessage, response: ServerResponse): false {
    writeHead(request, response);
    response.end(request.method === 'HEAD' ? undefined : encodeEvent({ retry: this.#comeBackMs() }));
    return false;
  }

  #comeBackMs(): number {
    const { retryMs, random } = this.#options;
    return Math.round(retryMs * (0.5 + random()));
  }

  #policy(heartbeat: ConnectionPolicy['heartbeat']): ConnectionPolicy {
    const { errorHandler, metrics } = this.#options;
    return {
      ...this.#options,
      heartbeat,
      onError: (error, { request, response }) => errorHandler(error, request, response),
      onClose: (reason, connection) => {
        const client = this.#open.get(connection);
        this.#open.delete(connection);
        this.#heartbeats.delete(connection);
        if (client !== undefined) this.#count(client, -1);
        metrics.closed?.(reason);
        if (this.#open.size > 0) return;
        this.#stopLooking?.();
        this.#stopLooking = undefined;
        for (const tell of this.#onEmpty.splice(0)) tell();
      },
    };
  }

  /** Who is not named by `clientOf` counts as a client for each of its connections. */
  #dropOverBounds(): void {
    const queues = [...this.#open].map(([of, client], at) => ({
      of,
      client: client ?? String(at),
      bytes: of.ownQueuedBytes,
    }));
    for (const { of } of overBounds(queues, this.#options)) of.drop('slow');
  }

  #count(client: string, difference: 1 | -1): void {
    const count = (this.#perClient.get(client) ?? 0) + difference;
    if (count > 0) this.#perClient.set(client, count);
    else this.#perClient.delete(client);
  }

  #refusal(response: ServerResponse, code: StreamsUnavailable['code'], message: string): StreamsUnavailable {
    const seconds = 1 + Math.floor(this.#options.random() * 5);
    response.setHeader('Retry-After', String(seconds));
    return new StreamsUnavailable(code, message, seconds);
  }
}

/**
 * A real event, for the page cannot see comments; without an id, so that it moves no position. It lets a client see
 * whether it has everything, and how late it hears that.
 */
function heartbeatEvent(
  connection: Connection,
  { heartbeatMs: everyMs, lagMs }: Pick<ConnectionsOptions, 'heartbeatMs' | 'lagMs'>,
): Buffer {
  const { versions = {}, ageMs = 0 } = connection.proof() ?? {};
  const data = {
    at: new Date().toISOString(),
    everyMs,
    upMs: Math.round(connection.ageMs),
    ageMs: Math.round(Math.max(ageMs, lagMs())),
    versions,
  };
  return Buffer.from(encodeEvent({ event: 'heartbeat', data: JSON.stringify(data) }));
}
