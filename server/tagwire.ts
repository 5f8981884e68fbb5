import type { Express } from 'express';
import { HEARTBEAT_MS } from '../contract/streams.ts';
import type { Backend } from './backend.ts';
import { keepComplete } from './catch-up.ts';
import { createProjector } from './feeds/projector.ts';
import { createApp, type BaseOptions } from './http/app.ts';
import { clientOf } from './http/client-address.ts';
import type { Check } from './http/health.ts';
import { answerError } from './http/problems.ts';
import { postGenerator } from './http/random-post.ts';
import { streamHandlers } from './http/streams.ts';
import { EventRouter } from './messaging/event-router.ts';
import { metrics as measured } from './messaging/middleware.ts';
import { TOPICS } from './posts/events.ts';
import { projectionWatch, type ProjectionWatch } from './projection-watch.ts';
import { startForwarder } from './posts/forwarder.ts';
import { sparing } from './sparing.ts';
import { SseRouter } from './sse/sse-router.ts';

export type TagwireOptions = BaseOptions & {
  readonly writesPerMinute: number;
  /** Event streams at once from one address, or one /56 network; 0, the default, for any number. */
  readonly streamsPerAddress?: number;
  /** How often streams are read and vouched for, in ms; default {@link HEARTBEAT_MS}. */
  readonly heartbeatMs?: number;
  readonly rendererDir?: string;
};

/** The running core: everything but the socket that it is reached by. */
export interface Tagwire {
  readonly app: Express;
  /** What must work besides the backend's parts. */
  readonly checks: Readonly<Record<string, Check>>;
  /** Ends all event streams within `graceMs`, each client with its own time to come back after; begins no new ones. */
  drain(graceMs: number): Promise<void>;
  /** Ends projection and forwarding after what is under way, at most `graceMs`. The backend stays open. */
  close(graceMs: number): Promise<void>;
}

/** How often, in ms, it is logged that streams can not be read. */
const QUIET_MS = 10_000;

/** Events that one process projects at once, for each topic: enough to fill the projector's batches. */
const PROJECTOR_IN_FLIGHT = 256;

/** Joins the rooms as in the picture of docs/architecture.md: outbox → forwarder → projector → read model → event streams. */
export async function startTagwire(backend: Backend, options: TagwireOptions): Promise<Tagwire> {
  const { logger, metrics, heartbeatMs = HEARTBEAT_MS } = options;
  const { posts, outbox, publisher } = backend;
  const watch = projectionWatch(outbox);
  const router = await startRouter(backend, watch, options); // first, for all after it can't fail
  const kept = keepComplete(backend, options);
  const { readModel } = kept;
  const sse = new SseRouter({
    upstreamSubscriber: backend.subscriber,
    errorHandler: answerError(logger),
    // While a database is away each watched stream is tried every second.
    onReadError: sparing(QUIET_MS, (leftOut, error: unknown, stream: string) => {
      logger.warn({ err: error, stream, leftOut }, 'A stream could not be read; it is read again');
    }),
    metrics: metrics.sse,
    clientOf,
    ...(options.streamsPerAddress && { maxConnectionsPerClient: options.streamsPerAddress }),
    heartbeatMs,
    rereadMs: heartbeatMs,
    lagMs: () => watch.lagMs(),
  });
  const streams = streamHandlers(sse, readModel, posts);
  metrics.watch({ outbox, deadLetters: backend.deadLetters, sse, projection: watch });

  const forwarder = startForwarder({
    outbox,
    publisher,
    deadLetters: backend.deadLetters,
    logger,
    republishAllAtStart: backend.forgetful,
    onForwarded: (batch) => metrics.forwarded(batch),
    onFailure: () => metrics.forwardFailed(),
  });
  const stopWaking = backend.onBrokerBack?.(() => forwarder.wake());
  const stopRepublishing = backend.onBrokerEmptied?.(() => forwarder.republishAll());
  return {
    app: createApp({ ...options, posts, readModel, streams, generate: postGenerator() }),
    checks: {
      async projection(signal) {
        await kept.check();
        await watch.check(signal);
      },
    },
    drain: (graceMs) => sse.drain(graceMs),
    async close(graceMs) {
      await sse.close();
      await kept.close();
      stopWaking?.();
      stopRepublishing?.();
      await forwarder.close();
      await router.close(graceMs);
      watch.close();
    },
  };
}

async function startRouter(
  backend: Backend,
  watch: ProjectionWatch,
  { logger, metrics }: TagwireOptions,
): Promise<EventRouter> {
  const { outbox, readModel, publisher, subscriber } = backend;
  const router = new EventRouter({ logger, deadLetters: watch.office(backend.deadLetters) });
  router.use(measured((call) => metrics.handled(call)));

  const project = createProjector({
    readModel,
    confirm: (ids) => outbox.confirm(ids),
    publisher,
    clock: () => new Date(),
    logger,
    onProjected: (batch) => metrics.projected(batch),
  });
  metrics.handlers(Object.values(TOPICS).map(projectorOf));
  for (const topic of Object.values(TOPICS)) {
    router.addNoPublishHandler(projectorOf(topic), topic, subscriber, project, {
      group: 'projector',
      maxInFlight: PROJECTOR_IN_FLIGHT,
      retry: { maxMs: 2_000 },
      middleware: [watch.middleware],
    });
  }
  await router.start();
  return router;
}

function projectorOf(topic: string): string {
  return `projector:${topic}`;
}
