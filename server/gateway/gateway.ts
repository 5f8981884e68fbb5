import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import type { Logger } from 'pino';
import { Agent } from 'undici';
import type { Post } from '../../contract/post.ts';
import { LOCAL_PROFILE, type ConnectionState, type Profile, type ProfileCheck } from '../../contract/shell.ts';
import { createBoundedServer } from '../http/bounded-server.ts';
import { problemOf, sendProblem as sendHttpProblem } from '../http/problems.ts';
import { securityHeaders } from '../http/security-headers.ts';
import { serveRenderer } from '../http/static.ts';
import { createForwarder } from './forward.ts';
import { SECRET_COOKIE, guard } from './guard.ts';
import { OwnPosts } from './own-posts.ts';
import { sendProblem } from './problem.ts';
import { checkServer } from './profile-check.ts';
import { Sessions } from './sessions.ts';
import { Watcher } from './watcher.ts';

export type GatewayOptions = {
  /** The port to take if it is free. */
  readonly port: number;
  /** What the windows' cookie holds; made anew at each launch. */
  readonly secret: string;
  readonly profiles: readonly Profile[];
  /** Profile id → feeds whose arrivals are told. */
  readonly followed: Readonly<Record<string, readonly string[]>>;
  /** Profile id → its session's cookies, as `onSession` gave them. */
  readonly sessions: Readonly<Record<string, string>>;
  /** The built renderer's folder. */
  readonly rendererDir: string;
  /** The embedded server: answers the `/api` of the local profile. */
  readonly local: RequestListener;
  readonly logger: Logger;
  readonly onConnection: (profileId: string, state: ConnectionState) => void;
  readonly onArrived: (profileId: string, feed: string, posts: Post[], replayed: boolean) => void;
  readonly onSession: (profileId: string, cookies: string) => void;
  /** For remote servers. Default: one that verifies certificates, as it must. For tests. */
  readonly agent?: Agent;
  readonly watch?: { readonly firstRetryMs?: number; readonly pollMs?: number };
};

export type Gateway = {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  readonly port: number;
  setProfiles(profiles: readonly Profile[]): void;
  setFollowed(followed: Readonly<Record<string, readonly string[]>>): void;
  retry(profileId: string): void;
  check(url: string): Promise<ProfileCheck>;
  /** Stops listening, and closes connections that do not end by themselves within `graceMs`. */
  close(graceMs?: number): Promise<void>;
};

/** The route of a profile's windows and of its API; an id is what `ProfileId` allows. */
const PROFILE_PATH = '/p/:profile';

/** News of an own post may be faster than the answer that names it; so long, in ms, news waits for that. */
const OWN_POST_MS = 500;

/**
 * The one origin of all windows (docs/desktop.md): `/p/<profile>/` is the renderer, `/p/<profile>/api` the
 * embedded server or, forwarded, the profile's own. Loopback only, and for nobody but the app's own windows.
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { logger, secret } = options;
  const agent = options.agent ?? new Agent({ connect: { timeout: 10_000 } });
  const profiles = new Map<string, Profile>();
  const watchers = new Map<string, Watcher>();
  let followed = options.followed;
  const ownPosts = new OwnPosts();
  const sessions = new Sessions({ initial: options.sessions, onChange: options.onSession });
  const forward = createForwarder({
    dispatcher: agent,
    sessions,
    logger,
    onOutcome: (id, failure) => failure !== undefined && watchers.get(id)?.suspect(),
  });

  const answerApi: RequestHandler = (request, response, next) => {
    const profile = profiles.get(String(request.params['profile']));
    if (profile === undefined) {
      return sendProblem(response, { status: 404, title: 'Not found', detail: 'There is no such profile any more.' });
    }
    ownPosts.watch(request, response);
    if (profile.kind === 'remote') return void forward(profile, request, response).catch(next);
    request.url = `/api${request.url}`;
    options.local(request, response);
  };

  let origin = '';
  const app = express();
  app.disable('x-powered-by');
  app.use(guard({ secret, origin: () => origin }));
  app.use(`${PROFILE_PATH}/api`, answerApi);
  app.use(securityHeaders());
  app.use(PROFILE_PATH, rendererFor(profiles, options.rendererDir));
  app.use((_request, response) =>
    sendProblem(response, { status: 404, title: 'Not found', detail: 'There is nothing at this address.' }),
  );
  app.use(answerErrors(logger));

  const server = createBoundedServer(app, { logger });
  const port = await listen(server, options.port, logger);
  origin = `http://127.0.0.1:${port}`;

  const watch = (id: string): Watcher => {
    const watcher = new Watcher({
      ...options.watch,
      open: (path, signal) =>
        fetch(`${origin}/p/${id}/api/${path}`, { signal, headers: { cookie: `${SECRET_COOKIE}=${secret}` } }),
      onConnection: (state) => options.onConnection(id, state),
      onArrived: async (feed, posts, replayed) => {
        await wait(OWN_POST_MS);
        const news = posts.filter((post) => !ownPosts.has(post.id));
        if (news.length > 0) options.onArrived(id, feed, news, replayed);
      },
    });
    void watcher.run();
    return watcher;
  };
  const setProfiles = (wanted: readonly Profile[]) => {
    const ids = new Set(wanted.map(({ id }) => id));
    for (const [id, watcher] of watchers) {
      if (ids.has(id)) continue;
      watcher.close();
      watchers.delete(id);
    }
    profiles.clear();
    for (const profile of wanted) profiles.set(profile.id, profile);
    sessions.retain(ids);
    for (const id of ids) if (!watchers.has(id)) watchers.set(id, watch(id));
    setFollowed(followed);
  };
  const setFollowed = (wanted: typeof followed) => {
    followed = wanted;
    for (const [id, watcher] of watchers) watcher.setFeeds(wanted[id] ?? []);
  };
  setProfiles(options.profiles);
  logger.info({ origin }, 'the gateway listens');

  return {
    origin,
    port,
    setProfiles,
    setFollowed,
    retry: (id) => watchers.get(id)?.retry(),
    check: (url) => checkServer(url, { dispatcher: agent }),
    async close(graceMs = 1000) {
      for (const watcher of watchers.values()) watcher.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(timer);
      await agent.destroy();
    },
  };
}

/** The renderer under each profile's path, with that path as its base. */
function rendererFor(profiles: ReadonlyMap<string, Profile>, directory: string): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use((request, response, next) => {
    const id = request.baseUrl.split('/')[2] ?? '';
    if (profiles.has(id)) return next();
    response.redirect(302, `/p/${LOCAL_PROFILE}/`);
  });
  serveRenderer(app, directory);
  return app;
}

function answerErrors(logger: Logger): ErrorRequestHandler {
  // Express knows a handler of errors by its four parameters.
  return (error, request, response, next) => {
    if (response.headersSent) return next(error);
    const problem = problemOf(error);
    if (problem.status >= 500) logger.error({ err: error }, 'a request to the gateway failed');
    sendHttpProblem(request, response, problem);
  };
}

/**
 * Ports below those that systems give to outgoing connections (32768 and up on Linux, 49152 on others): one of these is
 * likely to be free again at the next start, and what the windows keep belongs to their origin, port included.
 */
const LASTING_PORTS = { first: 20_000, count: 12_000 };
const PORTS_TO_TRY = 20;

/** Listens on loopback: on `wanted` if it can be had, else on a free port. Returns the port. */
async function listen(server: Server, wanted: number, logger: Logger): Promise<number> {
  const { first, count } = LASTING_PORTS;
  const candidates = Array.from({ length: PORTS_TO_TRY }, () => first + Math.floor(Math.random() * count));
  for (const port of [...(wanted === 0 ? [] : [wanted]), ...candidates]) {
    try {
      return await tryPort(server, port);
    } catch (error) {
      logger.warn({ port, err: error }, 'a port cannot be had; another is tried');
    }
  }
  return tryPort(server, 0);
}

function tryPort(server: Server, port: number): Promise<number> {
  return new Promise<number>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
