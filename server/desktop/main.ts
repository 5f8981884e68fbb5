import tls from 'node:tls';
import { pino } from 'pino';
import { ToGateway, type FromGateway } from '../../contract/gateway.ts';
import { DataFolderError, dataFiles, mustBeWhole } from '../data-folder.ts';
import { startGateway, type Gateway } from '../gateway/gateway.ts';
import { DatabaseTooNew } from '../posts/migrations.ts';
import { planSqlitePostsMigrations } from '../posts/sqlite-post-store.ts';
import { backUpBeforeUpgrade } from './backup.ts';
import { openLocalServer, type LocalServer } from './local-server.ts';

/*
 * The desktop app's server process: Electron's `utilityProcess`, started and spoken to by the main process
 * (src/main/server-process.ts, contract/gateway.ts). Embedded server and gateway in one.
 */

/** Electron's `process.parentPort`, as far as it is used. */
type ParentPort = {
  on(event: 'message', listener: (event: { readonly data: unknown }) => void): unknown;
  postMessage(message: FromGateway): void;
};

type Start = Extract<ToGateway, { type: 'start' }>;

/** How long, in ms, streams and requests may take to end. The main process kills this one after 2.5 s. */
const GRACE_MS = 1000;

const { parentPort } = process as unknown as { readonly parentPort?: ParentPort };
if (parentPort === undefined) throw new Error('This is started by the desktop app; for a server run server/main.ts.');
const tell = (message: FromGateway) => parentPort.postMessage(message);
const logger = pino({ base: undefined }, process.stdout);

process.on('uncaughtException', (error) => {
  logger.fatal({ err: error }, 'an unexpected error ends the server process');
  process.exit(1);
});
process.on('unhandledRejection', (reason) => {
  throw reason;
});

let running: Promise<{ gateway: Gateway; local: LocalServer }> | undefined;

parentPort.on('message', ({ data }) => {
  const message = ToGateway.parse(data);
  if (message.type === 'start') running ??= start(message);
  else if (message.type === 'stop') void stop();
  else void running?.then(({ gateway }) => handle(gateway, message));
});

async function start(message: Start): Promise<{ gateway: Gateway; local: LocalServer }> {
  trustSystemCertificates();
  const { dataDir, version } = message;
  const { writeFile, backups } = dataFiles(dataDir);
  try {
    mustBeWhole(dataDir);
    await backUpBeforeUpgrade({
      file: writeFile,
      directory: backups,
      isPending: (file) => planSqlitePostsMigrations(file).pending.length > 0,
      now: () => new Date(),
      logger,
    });
    const local = await openLocalServer({ dataDir, version, logger });
    const gateway = await startGateway({
      ...message,
      local: local.handle,
      logger,
      onConnection: (profileId, state) => tell({ type: 'connection', profileId, state }),
      onArrived: (profileId, feed, posts, replayed) =>
        tell({
          type: 'arrived',
          profileId,
          feed,
          replayed,
          posts: posts.map(({ id, title, content, author }) => ({ id, title, content, author })),
        }),
      onSession: (profileId, cookies) => tell({ type: 'session', profileId, cookies }),
    });
    tell({ type: 'ready', origin: gateway.origin, port: gateway.port });
    return { gateway, local };
  } catch (error) {
    logger.fatal({ err: error }, 'the server process cannot start');
    if (error instanceof DataFolderError || error instanceof DatabaseTooNew) {
      tell({ type: 'failed', reason: error.message });
    }
    return exit(1);
  }
}

async function handle(gateway: Gateway, message: Exclude<ToGateway, { type: 'start' | 'stop' }>): Promise<void> {
  if (message.type === 'profiles') gateway.setProfiles(message.profiles);
  else if (message.type === 'followed') gateway.setFollowed(message.followed);
  else if (message.type === 'retry') gateway.retry(message.profileId);
  else tell({ type: 'checked', id: message.id, check: await gateway.check(message.url) });
}

async function stop(): Promise<void> {
  const parts = await running;
  // Streams end first: the gateway waits for its connections.
  await Promise.all([parts?.local.close(GRACE_MS), parts?.gateway.close(GRACE_MS)]);
  tell({ type: 'stopped' });
  exit(0);
}

/** Ends the process once what was told has left it. */
function exit(code: number): never | Promise<never> {
  return new Promise(() => setTimeout(() => process.exit(code), 50));
}

/** A company's own authority, which its computers know, is known to the app too. */
function trustSystemCertificates(): void {
  // Electron's Node has a TLS of its own (BoringSSL), and may come without this. Then Node's own authorities do.
  try {
    const certificates = [...tls.getCACertificates('default'), ...tls.getCACertificates('system')];
    tls.setDefaultCACertificates([...new Set(certificates)]);
  } catch (error) {
    logger.warn({ err: error }, 'the authorities that this computer knows cannot be read');
  }
}
