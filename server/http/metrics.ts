import type { Express, RequestHandler } from 'express';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { DeadLetters, Outbox } from '../posts/post-store.ts';
import { resource } from './resource.ts';

const LATENCY_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Where the figures come from that are asked for at each scrape. */
export type MetricSources = {
  readonly outbox: Pick<Outbox, 'backlog'>;
  readonly deadLetters: Pick<DeadLetters, 'count'>;
  readonly streams: () => StreamFigures;
};

/** Of this process: open streams and clients now; the rest since it started. */
export type StreamFigures = {
  readonly clients: number;
  readonly streams: number;
  readonly pushes: number;
  readonly bytes: number;
  readonly dropped: number;
};

export interface Metrics {
  readonly registry: Registry;
  /** Measures every request by method, route and status. */
  readonly requests: RequestHandler;
  /** An event is in the read model: how long, in ms, after its post was accepted. */
  projected(lagMs: number): void;
  /** A message was handled: by which handler, how it ended, and how long it took in ms. */
  handled(handler: string, outcome: string, durationMs: number): void;
  /** Adds the figures of the parts once they are there. */
  watch(sources: MetricSources): void;
}

/** The metrics of one server, in a registry of their own (docs/operations.md lists them). */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const http = new Histogram({
    name: 'tagwire_http_request_duration_seconds',
    help: 'Time from the request to the end of the answer; streams are not counted',
    labelNames: ['method', 'route', 'status'],
    buckets: LATENCY_BUCKETS_S,
    registers,
  });
  const lag = new Histogram({
    name: 'tagwire_projection_lag_seconds',
    help: 'Time from accepting a post to having it in the read model, for events that this process projected',
    buckets: LATENCY_BUCKETS_S,
    registers,
  });
  const messages = new Histogram({
    name: 'tagwire_message_duration_seconds',
    help: 'Time that a handler took for a message, retries included',
    labelNames: ['handler', 'outcome'],
    buckets: LATENCY_BUCKETS_S,
    registers,
  });
  return {
    registry,
    requests: measureRequests(http),
    projected: (lagMs) => lag.observe(Math.max(0, lagMs) / 1000),
    handled: (handler, outcome, durationMs) => messages.observe({ handler, outcome }, durationMs / 1000),
    watch: (sources) => watchSources(registry, sources),
  };
}

/** `GET /metrics`, in the Prometheus text format. */
export function metricsRoute(app: Express, { registry }: Metrics): void {
  resource(app, '/metrics', {
    get: [
      async (_request, response) => {
        response
          .set('Cache-Control', 'no-store')
          .type(registry.contentType)
          .send(await registry.metrics());
      },
    ],
  });
}

function measureRequests(histogram: Histogram<'method' | 'route' | 'status'>): RequestHandler {
  return (request, response, next) => {
    const start = performance.now();
    response.once('finish', () => {
      if (String(response.getHeader('Content-Type')).startsWith('text/event-stream')) return;
      // Only routes of the API make a label: an unbounded set of paths would fill the memory.
      const path: unknown = request.route?.path;
      const route = typeof path === 'string' ? path : 'other';
      const labels = { method: request.method, route, status: String(response.statusCode) };
      histogram.observe(labels, (performance.now() - start) / 1000);
    });
    next();
  };
}

function watchSources(registry: Registry, { outbox, deadLetters, streams }: MetricSources): void {
  const registers = [registry];
  // A database that is down leaves a gap in these figures and none in the others.
  const gauge = (name: string, help: string, read: () => Promise<number> | number) =>
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        try {
          this.set(await read());
        } catch {
          this.set(NaN);
        }
      },
    });
  gauge(
    'tagwire_outbox_unpublished',
    'Events that wait to be published',
    async () => (await outbox.backlog()).unpublished,
  );
  gauge('tagwire_outbox_unconfirmed', 'Events published, not yet known to be in the read model', async () => {
    return (await outbox.backlog()).unconfirmed;
  });
  gauge('tagwire_outbox_oldest_seconds', 'Age of the oldest event that waits to be published', async () => {
    return (await outbox.backlog()).oldestMs / 1000;
  });
  gauge('tagwire_dead_letters', 'Messages that no handler could deal with', () => deadLetters.count());
  gauge('tagwire_sse_clients', 'Connected clients', () => streams().clients);
  gauge('tagwire_sse_streams', 'Streams that somebody watches', () => streams().streams);
  const counter = (name: string, help: string, read: () => number) =>
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  counter('tagwire_sse_pushes_total', 'Events written to clients', () => streams().pushes);
  counter('tagwire_sse_bytes_total', 'Bytes written to clients', () => streams().bytes);
  counter('tagwire_sse_dropped_total', 'Buffers dropped because a client read too slowly', () => streams().dropped);
}
