import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { compile as compileProxies } from 'proxy-addr';
import type { Backend } from './backend.ts';
import { catchUp } from './catch-up.ts';
import type { Config } from './config.ts';
import { openEmbedded } from './embedded.ts';
import { createWaitingApp, type BaseOptions } from './http/app.ts';
import { createBoundedServer, DEFAULT_BOUNDS, type ServerBounds } from './http/bounded-server.ts';
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
   * Ends the streams, then takes no more connections, finishes requests and projections, and closes the databases;
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

/** Connections of one client besides its streams. */
const CONNECTIONS_PER_ADDRESS = 200;
/** What requests under way get, in ms, when the streams have used up the time. */
const MIN_REQUEST_GRACE_MS = 1_000;
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
    metrics: createMetrics(VERSION),
    guard: config,
    trustProxy: config.trustProxy,
  };

  base.metrics.watchParts(base.ready);

  let answer: RequestListener = createWaitingApp(base);
  const server = createBoundedServer((request, response) => answer(request, response), {
    logger,
    bounds: boundsOf(config),
  });
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
      onRetry: (error: unknown) =>
        logger.warn({ reason: String(error) }, 'Waiting for a service that went away during the start'),
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
    checks = { ...checks, server: notYet('is stopping') };
    await started.catch(() => undefined);
    // Requests are still taken: where it is the only server, its proxy has no other to send them to.
    await tagwire?.drain(graceMs);
    await closeServer(server, Math.max(MIN_REQUEST_GRACE_MS, end - performance.now()));
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

function boundsOf({ maxConnections, streamsPerAddress, trustProxy }: Config): ServerBounds {
  const isProxy = compileProxies([...trustProxy]);
  return {
    ...DEFAULT_BOUNDS,
    connections: maxConnections,
    connectionsPerClient: streamsPerAddress === 0 ? Infinity : streamsPerAddress + CONNECTIONS_PER_ADDRESS,
    isProxy: (address) => isProxy(address, 0),
  };
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
