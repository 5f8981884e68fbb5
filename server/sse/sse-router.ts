import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Subscriber } from '../messaging/pubsub.ts';
import { Connections } from './connections.ts';
import type { Format, Marshaler } from './frames.ts';
import { KeyedSource } from './keyed-source.ts';
import type { SseMetrics } from './metrics.ts';
import { StreamHub } from './stream-hub.ts';
import { lastEventId, prefersEventStream, streamPositions } from './stream-request.ts';
import type { ErrorHandler, KeyedStreamAdapter, StreamAdapter } from './stream-adapter.ts';
import { systemTimers, type Timers } from './timers.ts';
import { UnkeyedClients, UnkeyedSource } from './unkeyed-source.ts';

export type SseRouterOptions = {
  /** Where the messages come from that tell of changes. It stays open when the router closes. */
  readonly upstreamSubscriber: Subscriber;
  /** Answers when a stream cannot begin; is told, with `response.headersSent`, when one breaks. */
  readonly errorHandler: ErrorHandler;
  /** Told when a watched stream could not be read. It is read again by itself. */
  readonly onReadError?: (error: unknown, stream: string) => void;
  /** Makes the text of an event. Default: JSON. */
  readonly marshaler?: Marshaler;
  /** How often a client is told that it lives, and what it should have. Default 15,000. */
  readonly heartbeatMs?: number;
  /** What a browser waits before it reconnects. Default 2,000. */
  readonly retryMs?: number;
  /** Age, ±20 %, at which a connection ends, so that clients spread over processes. Default 10 minutes. */
  readonly maxConnectionMs?: number;
  /** Bytes that may wait for one client. Default 256 KiB. */
  readonly bufferLimitBytes?: number;
  /** A client that takes no byte for so long is dropped. Default 30,000. */
  readonly stallMs?: number;
  /** Default 200. */
  readonly maxStreamsPerConnection?: number;
  /** Connections at once. Default 50,000. */
  readonly maxConnections?: number;
  /** Connections of one client at once, where `clientOf` tells who that is. Default: any number. */
  readonly maxConnectionsPerClient?: number;
  readonly clientOf?: (request: IncomingMessage) => string;
  /** Bytes that may wait for all clients together: then those for whom the most waits are dropped. Default 64 MiB. */
  readonly maxQueuedBytes?: number;
  /** Bytes that may wait for one client in all its connections. Default 16 MiB. */
  readonly maxQueuedBytesPerClient?: number;
  /** How often a watched stream is read without being told to. Default 15,000. */
  readonly rereadMs?: number;
  /**
   * How far, in ms, what is read here is behind what was accepted upstream: a heartbeat vouches for no later state.
   * Default: it is not.
   */
  readonly lagMs?: () => number;
  /** How long a stream that nobody watches stays subscribed. Default 30,000. */
  readonly lingerMs?: number;
  /** Bytes of recent changes that are kept for each watched stream. Default 64 KiB. */
  readonly logBytes?: number;
  readonly metrics?: SseMetrics;
  readonly timers?: Timers;
  readonly random?: () => number;
};

/** Usable in express and as (part of) a bare `http` request listener. */
export type SseHandler = (request: IncomingMessage, response: ServerResponse, next?: unknown) => void;

const MAX_IDLE_STREAMS = 1_000;

/**
 * Serves resources as JSON and as event streams that are pushed to when they change, as Watermill's SSERouter does:
 * a message on an adapter's topics triggers the push. `docs/protocol.md` has what goes over the wire.
 */
export class SseRouter {
  readonly #options: Required<Omit<SseRouterOptions, 'clientOf'>> & Pick<SseRouterOptions, 'clientOf'>;
  readonly #hubs = new Map<KeyedStreamAdapter, StreamHub>();
  readonly #unkeyed: UnkeyedClients[] = [];
  readonly #connections: Connections;

  constructor(options: SseRouterOptions) {
    this.#options = {
      onReadError: (error, stream) => process.emitWarning(`The stream ${stream} could not be read: ${String(error)}`),
      marshaler: (value) => JSON.stringify(value),
      heartbeatMs: 15_000,
      retryMs: 2_000,
      maxConnectionMs: 600_000,
      bufferLimitBytes: 256 * 1024,
      stallMs: 30_000,
      maxStreamsPerConnection: 200,
      maxConnections: 50_000,
      maxConnectionsPerClient: Infinity,
      maxQueuedBytes: 64 * 1024 * 1024,
      maxQueuedBytesPerClient: 16 * 1024 * 1024,
      rereadMs: 15_000,
      lagMs: () => 0,
      lingerMs: 30_000,
      logBytes: 64 * 1024,
      metrics: {},
      timers: systemTimers,
      random: Math.random,
      ...options,
    };
    this.#connections = new Connections(this.#options);
  }

  /**
   * A handler that answers with JSON, or with a stream of `data` events where the client prefers that.
   * All handlers of one keyed adapter share its streams; an adapter listens to all topics it was ever given.
   */
  addHandler(topics: string | readonly string[], adapter: StreamAdapter | KeyedStreamAdapter): SseHandler {
    const list = typeof topics === 'string' ? [topics] : topics;
    if ('snapshot' in adapter) {
      const hub = this.#hubOf(adapter, list);
      return this.#handler((request, response) => this.#serveKeyed(request, response, hub));
    }
    const clients = new UnkeyedClients(adapter, list, this.#options.upstreamSubscriber);
    this.#unkeyed.push(clients);
    return this.#handler((request, response) => this.#serveUnkeyed(request, response, clients));
  }

  /** A handler for many streams on one connection, `?stream=NAME&stream=NAME@VERSION`. */
  addMultiplexHandler(topics: string | readonly string[], adapters: readonly KeyedStreamAdapter[]): SseHandler {
    const list = typeof topics === 'string' ? [topics] : topics;
    const hubs = adapters.map((adapter) => this.#hubOf(adapter, list));
    return this.#handler((request, response) => this.#serveMultiplexed(request, response, hubs));
  }

  /** What is held at this moment. */
  stats(): { connections: number; streams: number; queuedBytes: number } {
    let streams = 0;
    for (const hub of this.#hubs.values()) streams += hub.size;
    const { size: connections, queuedBytes } = this.#connections;
    return { connections, streams, queuedBytes };
  }

  /**
   * Sends away who wants a stream, ends those that there are one by one within `graceMs`, each with a time of its own to come
   * back after, then closes all subscriptions. What is not gone by then is cut off.
   */
  async drain(graceMs: number): Promise<void> {
    await this.#connections.drain(graceMs);
    await Promise.all([...this.#hubs.values(), ...this.#unkeyed].map((clients) => clients.close()));
  }

  async close(): Promise<void> {
    await this.drain(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #handler(serve: (request: IncomingMessage, response: ServerResponse) => Promise<void>): SseHandler {
    return (request, response) => {
      serve(request, response).catch((error: unknown) => this.#options.errorHandler(error, request, response));
    };
  }

  async #serveKeyed(request: IncomingMessage, response: ServerResponse, hub: StreamHub): Promise<void> {
    response.appendHeader('Vary', 'Accept');
    const stream = hub.adapter.streamOf(request);
    if (!prefersEventStream(request.headers.accept)) {
      if (hub.adapter.getResponse !== undefined) {
        this.#sendJson(request, response, await hub.adapter.getResponse(request));
        return;
      }
      const { version, state } = await hub.adapter.snapshot(stream);
      this.#sendJson(request, response, state, `"${version}"`);
      return;
    }
    const version = lastEventId(request);
    this.#stream(request, response, [{ hub, stream, version }], 'single');
  }

  async #serveMultiplexed(request: IncomingMessage, response: ServerResponse, hubs: StreamHub[]): Promise<void> {
    const hubOf = (stream: string) => hubs.find(({ adapter }) => adapter.owns(stream));
    const positions = streamPositions(request, this.#options.maxStreamsPerConnection, (stream) => !!hubOf(stream));
    const places = positions.flatMap(({ stream, version }) => {
      const hub = hubOf(stream);
      return hub === undefined ? [] : [{ hub, stream, version }];
    });
    this.#stream(request, response, places, 'multiplexed');
  }

  async #serveUnkeyed(request: IncomingMessage, response: ServerResponse, clients: UnkeyedClients): Promise<void> {
    response.appendHeader('Vary', 'Accept');
    if (!prefersEventStream(request.headers.accept)) {
      this.#sendJson(request, response, await clients.adapter.getResponse(request));
      return;
    }
    if (!this.#connections.admit(request, response)) return;
    const source = new UnkeyedSource(clients, this.#options.marshaler, this.#options.metrics);
    source.open(this.#connections.open(request, response, source, 'single'));
  }

  #stream(
    request: IncomingMessage,
    response: ServerResponse,
    places: readonly { hub: StreamHub; stream: string; version: number | undefined }[],
    format: Format,
  ): void {
    if (!this.#connections.admit(request, response)) return;
    const source = new KeyedSource();
    const connection = this.#connections.open(request, response, source, format);
    for (const { hub, stream, version } of places) source.add(hub, stream, version, format, connection);
    connection.pump();
  }

  #sendJson(request: IncomingMessage, response: ServerResponse, body: unknown, etag?: string): void {
    if (response.destroyed) return;
    response.setHeader('Cache-Control', 'no-cache');
    if (etag !== undefined) response.setHeader('ETag', etag);
    if (etag !== undefined && request.headers['if-none-match'] === etag) {
      response.statusCode = 304;
      response.end();
      return;
    }
    const bytes = Buffer.from(this.#options.marshaler(body));
    response.statusCode = 200;
    response.setHeader('Content-Type', 'application/json; charset=utf-8');
    response.setHeader('Content-Length', bytes.length);
    response.end(request.method === 'HEAD' ? undefined : bytes);
  }

  #hubOf(adapter: KeyedStreamAdapter, topics: readonly string[]): StreamHub {
    const { upstreamSubscriber, marshaler, ...options } = this.#options;
    const known = this.#hubs.get(adapter);
    const hub =
      known ??
      new StreamHub(adapter, {
        ...options,
        subscriber: upstreamSubscriber,
        marshal: marshaler,
        maxIdle: MAX_IDLE_STREAMS,
      });
    for (const topic of topics) hub.topics.add(topic);
    this.#hubs.set(adapter, hub);
    return hub;
  }
}
