import type { Express, RequestHandler } from 'express';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { DeadLetters, Outbox } from '../posts/post-store.ts';
import type { SseMetrics } from '../sse/metrics.ts';
import type { SseRouter } from '../sse/sse-router.ts';
import type { Readiness } from './health.ts';
import { resource } from './resource.ts';

const LATENCY_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Where the figures come from that are asked for at each scrape. */
export type MetricSources = {
  readonly outbox: Pick<Outbox, 'backlog'>;
  readonly deadLetters: Pick<DeadLetters, 'count'>;
  readonly sse: Pick<SseRouter, 'stats'>;
  readonly projection: { waiting(): { readonly events: number; readonly oldestMs: number } };
};

export interface Metrics {
  readonly registry: Registry;
  /** Measures every request by method, route and status. */
  readonly requests: RequestHandler;
  /** For the SseRouter. */
  readonly sse: SseMetrics;
  /** For the projector: how long after its acceptance each event was in the read model, in ms. */
  projected(batch: { readonly size: number; readonly durationMs: number; readonly lagsMs: readonly number[] }): void;
  /** For the forwarder. */
  forwarded(batch: { readonly messages: number; readonly durationMs: number }): void;
  forwardFailed(): void;
  /** For the EventRouter: how a handler's call ended, and how long it took, in ms. */
  handled(call: { readonly handler: string; readonly outcome: string; readonly durationMs: number }): void;
  /** Begins the figures of handlers with 0, so that a rate is known before the first message. */
  handlers(names: readonly string[]): void;
  /** Whether each part works, asked at each scrape. */
  watchParts(ready: () => Promise<Readiness>): void;
  /** Adds the figures of parts that are there only later. */
  watch(sources: MetricSources): void;
}

/** The metrics of one server, in a registry of their own (docs/operations.md lists them). */
export function createMetrics(version: string): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  new Gauge({ name: 'tagwire_build_info', help: '1, by what runs', labelNames: ['version', 'node'], registers })
    .labels({ version, node: process.version })
    .set(1);
  const http = new Histogram({
    name: 'tagwire_http_request_duration_seconds',
    help: 'Time from the request to the end of the answer; streams are not counted',
    labelNames: ['method', 'route', 'status'],
    buckets: LATENCY_BUCKETS_S,
    registers,
  });
  return {
    registry,
    requests: measureRequests(http),
    sse: sseMetrics(registers),
    ...messageMetrics(registers),
    watchParts: (ready) => watchParts(registers, ready),
    watch: (sources) => watchSources(registers, sources),
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

function messageMetrics(
  registers: Registry[],
): Pick<Metrics, 'projected' | 'forwarded' | 'forwardFailed' | 'handled' | 'handlers'> {
  const buckets = LATENCY_BUCKETS_S;
  const lag = new Histogram({
    name: 'tagwire_projection_lag_seconds',
    help: 'Time from accepting a post to having it in the read model, for events that this process projected',
    buckets,
    registers,
  });
  const batches = new Histogram({
    name: 'tagwire_projection_batch_size',
    help: 'Events that were applied to the read model together',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128],
    registers,
  });
  const apply = new Histogram({
    name: 'tagwire_projection_apply_seconds',
    help: 'Time that the read model took for a batch',
    buckets,
    registers,
  });
  const forwarded = new Counter({
    name: 'tagwire_forwarded_total',
    help: 'Events published',
    registers,
  });
  const failures = new Counter({
    name: 'tagwire_forward_failures_total',
    help: 'Batches of events that could not be read or published; they stay in the outbox',
    registers,
  });
  const publishing = new Histogram({
    name: 'tagwire_forward_seconds',
    help: 'Time that the broker took for a batch of events',
    buckets,
    registers,
  });
  const handlers = new Histogram({
    name: 'tagwire_handler_seconds',
    help: 'Time that a handler took for one attempt at a message',
    labelNames: ['handler', 'outcome'],
    buckets,
    registers,
  });
  return {
    projected({ size, durationMs, lagsMs }) {
      for (const ms of lagsMs) lag.observe(ms / 1000);
      batches.observe(size);
      apply.observe(durationMs / 1000);
    },
    forwarded({ messages, durationMs }) {
      forwarded.inc(messages);
      publishing.observe(durationMs / 1000);
    },
    forwardFailed: () => failures.inc(),
    handlers(names) {
      for (const handler of names) for (const outcome of ['done', 'failed']) handlers.zero({ handler, outcome });
    },
    handled: ({ handler, outcome, durationMs }) => handlers.observe({ handler, outcome }, durationMs / 1000),
  };
}

function sseMetrics(registers: Registry[]): SseMetrics {
  const counter = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Counter({ name: `tagwire_sse_${name}`, help, labelNames, registers });
  const opened = counter('opened_total', 'Connections that began');
  const closed = counter('closed_total', 'Connections that ended, by the reason', 'reason');
  const reads = counter('reads_total', 'Reads of the read model for streams, each for all who wait for it', 'kind');
  const events = counter('events_total', 'Events made, each once for all clients');
  const pushes = counter('pushes_total', 'Events written to clients');
  const bytes = counter('pushed_bytes_total', 'Bytes of events written to clients');
  const behind = counter('dropped_total', 'Events that a slow client did not get; it gets the newest state instead');
  return {
    opened: () => opened.inc(),
    closed: (reason) => closed.inc({ reason }),
    read: (kind) => reads.inc({ kind }),
    fannedOut(_stream, clients, size) {
      events.inc();
      pushes.inc(clients);
      bytes.inc(clients * size);
    },
    fellBehind: () => behind.inc(),
  };
}

function watchParts(registers: Registry[], ready: () => Promise<Readiness>): void {
  new Gauge({
    name: 'tagwire_part_up',
    help: '1 where the part works, 0 where it does not (the parts of /readyz)',
    labelNames: ['part'],
    registers,
    async collect() {
      const { parts } = await ready();
      this.reset(); // parts come and go during the start
      for (const [part, { ok }] of Object.entries(parts)) this.set({ part }, ok ? 1 : 0);
    },
  });
}

function watchSources(registers: Registry[], { outbox, deadLetters, sse, projection }: MetricSources): void {
  // A database that is down leaves a gap in these figures, and none in the others.
  const gauge = (name: string, help: string, read: () => Promise<number> | number) =>
    new Gauge({
      name: `tagwire_${name}`,
      help,
      registers,
      async collect() {
        this.set(
          await Promise.resolve()
            .then(read)
            .catch(() => NaN),
        );
      },
    });
  const backlog = sharedFor(100, () => outbox.backlog());
  gauge(
    'outbox_unpublished',
    'Events that wait to be published, or are not marked as published yet',
    async () => (await backlog()).unpublished,
  );
  gauge('outbox_unconfirmed', 'Events published, but not known to be in the read model', async () => {
    return (await backlog()).unconfirmed;
  });
  gauge('outbox_oldest_seconds', 'Age of the oldest event that waits to be published', async () => {
    return (await backlog()).oldestMs / 1000;
  });
  gauge('outbox_unconfirmed_oldest_seconds', 'Age of the oldest of those', async () => {
    return (await backlog()).oldestUnconfirmedMs / 1000;
  });
  gauge('projection_waiting', 'Events that this process has taken and not projected yet', () => {
    return projection.waiting().events;
  });
  gauge('projection_oldest_seconds', 'How long this process has had the oldest of them', () => {
    return projection.waiting().oldestMs / 1000;
  });
  gauge('dead_letters', 'Messages that no handler could deal with', () => deadLetters.count());
  gauge('sse_connections', 'Open event streams', () => sse.stats().connections);
  gauge('sse_streams', 'Streams (feeds, posts, the list) that are watched here', () => sse.stats().streams);
  gauge('sse_queued_bytes', 'Bytes that wait for slow clients', () => sse.stats().queuedBytes);
}

/** One call of `read` for all who ask within `ms`: the figures of one scrape come from one query. */
function sharedFor<T>(ms: number, read: () => Promise<T>): () => Promise<T> {
  let last: { readonly at: number; readonly value: Promise<T> } | undefined;
  return () => {
    const now = performance.now();
    if (last === undefined || now - last.at > ms) last = { at: now, value: read() };
    return last.value;
  };
}
