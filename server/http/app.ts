import express, { Router, type ErrorRequestHandler, type Express, type Request, type RequestHandler } from 'express';
import type { Logger } from 'pino';
import type { ReadModel } from '../feeds/read-model.ts';
import type { PostStore } from '../posts/post-store.ts';
import { prefersEventStream } from '../sse/stream-request.ts';
import { aboutRoute } from './about.ts';
import { feedRoutes } from './feeds.ts';
import { generateRoute } from './generate.ts';
import { guard, type GuardOptions } from './guard.ts';
import { healthRoutes, type Readiness } from './health.ts';
import { liveRoute } from './live.ts';
import { metricsRoute, type Metrics } from './metrics.ts';
import { postRoutes } from './posts.ts';
import { answerError, HttpProblem } from './problems.ts';
import type { PostGenerator } from './random-post.ts';
import { writeLimit } from './rate-limit.ts';
import { requestLog, streamLog } from './request-log.ts';
import { searchRoute } from './search.ts';
import { securityHeaders, streamSecurityHeaders } from './security-headers.ts';
import { serveRenderer } from './static.ts';
import type { StreamHandlers } from './streams.ts';

/** What any server has, also one that still waits for its databases. */
export type BaseOptions = {
  readonly logger: Logger;
  readonly version: string;
  readonly ready: () => Promise<Readiness>;
  readonly metrics: Metrics;
  readonly guard?: GuardOptions;
  /** Addresses of the proxies whose `X-Forwarded-*` is believed, as proxy-addr takes them. Default: none. */
  readonly trustProxy?: readonly string[];
};

export type AppOptions = BaseOptions & {
  readonly posts: PostStore;
  readonly readModel: ReadModel;
  readonly streams: StreamHandlers;
  readonly generate: PostGenerator;
  /** Writes a minute from one address; 0 for any number. */
  readonly writesPerMinute: number;
  /** Folder of the built renderer; without it only the API is served. */
  readonly rendererDir?: string;
};

/** The whole HTTP side: an express app that may be mounted under a path. */
export function createApp(options: AppOptions): Express {
  const { posts, readModel, streams, generate, rendererDir } = options;
  const app = baseApp(options);
  const limit = writeLimit(options.writesPerMinute);
  postRoutes(app, { posts, readModel, stream: streams.post, writeLimit: limit });
  feedRoutes(app, streams);
  searchRoute(app, readModel);
  generateRoute(app, { posts, generate, writeLimit: limit });
  liveRoute(app, streams.live);
  if (rendererDir !== undefined) serveRenderer(app, rendererDir);
  return withErrors(app, options.logger);
}

/** Stands in for the app until the databases are there: health, metrics, and 503 for all else. */
export function createWaitingApp(options: BaseOptions): Express {
  const app = baseApp(options);
  app.use((_request, _response, next) => {
    const detail = 'The server has started and waits for its databases; /readyz tells which.';
    next(new HttpProblem('unavailable', detail, { headers: { 'Retry-After': '2' } }));
  });
  return withErrors(app, options.logger);
}

function baseApp(options: BaseOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  if (options.trustProxy !== undefined) app.set('trust proxy', [...options.trustProxy]);
  app.use(
    eitherOr(
      isEventStream,
      [streamLog(options.logger), streamSecurityHeaders()],
      [requestLog(options.logger), options.metrics.requests, securityHeaders()],
    ),
  );
  if (options.guard) app.use(guard(options.guard));
  healthRoutes(app, options.ready);
  aboutRoute(app, options.version);
  metricsRoute(app, options.metrics);
  return app;
}

function isEventStream({ path, headers }: Request): boolean {
  return path.startsWith('/api/') && prefersEventStream(headers.accept);
}

function eitherOr(
  test: (request: Request) => boolean,
  these: RequestHandler[],
  those: RequestHandler[],
): RequestHandler {
  const [yes, no] = [Router().use(these), Router().use(those)];
  return (request, response, next) => (test(request) ? yes : no)(request, response, next);
}

function withErrors(app: Express, logger: Logger): Express {
  app.use((request, _response, next) => {
    next(new HttpProblem('not-found', `Nothing is at ${JSON.stringify(request.path.slice(0, 200))}.`));
  });
  const answer = answerError(logger);
  app.use(((error, request, response, next) => {
    if (response.headersSent) return next(error);
    answer(error, request, response);
  }) satisfies ErrorRequestHandler);
  return app;
}
