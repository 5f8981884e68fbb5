import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { MAX_HEAD_BYTES } from '../contract/streams.ts';
import type { Backend } from './backend.ts';
import { catchUp } from './catch-up.ts';
import type { Config } from './config.ts';
import { openEmbedded } from './embedded.ts';
import { createWaitingApp, type BaseOptions } from './http/app.ts';
import { readiness, type Check } from './http/health.ts';
import { createMetrics } from './http/metrics.ts';
import { retry } from './messaging/retry.ts';
import { openShared } from './shared.ts';
import { startTagwire, type Tagwire } from './tagwire.ts';
import { VERSION } from './version.ts';

export interface RunningServer {
  /** `http://127.0.0.1:8080` */
  readonly url: string;
  readonly port: number;
  /** Resolves when everything is there; until then all but health, metrics and `/api/about` is answered with 503. */
  readonly ready: Promise<void>;
  /**
   * Takes no more connections, ends the streams, finishes requests and projections, and closes the databases;
   * after `graceMs` (default: the configuration's) connections are cut.
   */
  close(graceMs?: number): Promise<void>;
}

/** The port can't be had; the message names it and what to do. */
export class PortError extends Error {
  readonly code: 'IN_USE' | 'REFUSED';
  override readonly name = 'PortError';

  constructor(code: PortError['code'], message: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** Longer than the idle time-outs of usual load balancers, so that it is they who close idle connections. */
const KEEP_ALIVE_MS = 65_000;
/** What projections under way get, in ms, when streams and requests have used up the time. */
const MIN_PROJECTION_GRACE_MS = 1_000;

/**
 * Starts a server as configured. The embedded one is ready when this resolves; the shared one listens, and waits for
 * its services. Throws {@link PortError}, and for the embedded one what `openEmbedded` throws.
 */
export async function startServer(config: Config, { logger }: { readonly logger: Logger }): Promise<RunningServer> {
  const stopping = new AbortController();
  let checks: Readonly<Record<string, Check>> = { start: notYet('is starting') };
  const base: BaseOptions = {
    logger,
    version: VERSION,
    ready: () => readiness(checks),
    metrics: createMetrics(),
    guard: { ...config, loopbackOnly: config.services === undefined },
    trustProxy: config.trustProxy,
  };

  let answer: RequestListener = createWaitingApp(base);
  const server = createServer({ maxHeaderSize: MAX_HEAD_BYTES, keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) =>
    answer(request, response),
  );
  const port = await listen(server, config);
  const url = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`;
  logger.info({ url, deployment: config.services ? 'shared' : 'embedded', version: VERSION }, 'Tagwire listens');

  let backend: Backend | undefined;
  let tagwire: Tagwire | undefined;
  const start = async (): Promise<void> => {
    const onChecks = (now: typeof checks) => (checks = now);
    backend = config.services
      ? await openShared({ services: config.services, logger, signal: stopping.signal, onChecks })
      : await openEmbedded({ dataDir: config.dataDir, logger });
    checks = { ...backend.checks, readModel: notYet('is being made anew from the write model') };
    const opened = backend;
    const options = { logger, signal: stopping.signal };
    const waiting = {
      signal: stopping.signal,
      onRetry: (err: unknown) => logger.warn({ err }, 'Waiting for a service that went away during the start'),
    };
    await retry(() => catchUp(opened, options), waiting);
    tagwire = await retry(() => startTagwire(opened, { ...base, ...config, ...options }), waiting);
    checks = { ...backend.checks, ...tagwire.checks };
    answer = tagwire.app;
    logger.info('Tagwire is ready');
  };
  const started = start();
  started.catch(() => undefined); // Whoever awaits `ready` is told.

  const close = async (graceMs = config.graceMs): Promise<void> => {
    const end = performance.now() + graceMs;
    stopping.abort(new Error('The server is closing'));
    const closed = closeServer(server, graceMs);
    await started.catch(() => undefined);
    await tagwire?.drain(graceMs);
    await closed;
    await tagwire?.close(Math.max(MIN_PROJECTION_GRACE_MS, end - performance.now()));
    await backend?.close();
    logger.info('Tagwire has stopped');
  };
  if (config.services === undefined) {
    await started.catch(async (error: unknown) => {
      await close(0);
      throw error;
    });
  }
  return { url, port, ready: started, close: once(close) };
}

/** Throws {@link PortError}. */
async function listen(server: Server, { host, port }: Pick<Config, 'host' | 'port'>): Promise<number> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') throw new PortError('IN_USE', `Port ${port} is in use; try PORT=${port + 1}`, error);
    throw new PortError('REFUSED', `Can't listen on ${host}, port ${port}: ${message}`, error);
  }
  return (server.address() as AddressInfo).port;
}

/** Resolves when all connections are gone: idle ones at once and as soon as they become it, all after `graceMs`. */
async function closeServer(server: Server, graceMs: number): Promise<void> {
  const idle = setInterval(() => server.closeIdleConnections(), 100);
  const limit = setTimeout(() => server.closeAllConnections(), graceMs);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  clearInterval(idle);
  clearTimeout(limit);
}

function notYet(reason: string): Check {
  return () => Promise.reject(new Error(reason));
}

function once<Arguments extends unknown[], Result>(run: (...given: Arguments) => Result): typeof run {
  let result: { readonly value: Result } | undefined;
  return (...given) => (result ??= { value: run(...given) }).value;
}
