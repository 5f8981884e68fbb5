import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { openStores } from '../../server/cli/stores.ts';
import { rebuild } from '../../server/feeds/rebuild.ts';
import { freshName } from '../services/databases.ts';
import { startMongo } from '../services/mongo.ts';
import { startMysqlPair, type Replication } from '../services/mysql-pair.ts';
import { startNats } from '../services/nats.ts';
import { startTcpProxy } from '../services/tcp-proxy.ts';
import { holdsWithin } from '../wait.ts';
import { compare, readAll } from './checks.ts';
import { metricsOf } from './http.ts';
import { journal } from './journal.ts';
import { seeded } from './random.ts';
import { createDatabase, startServers } from './shared-deployment.ts';
import { COMMON_TAG, startWriters, TAGS } from './writers.ts';

export type Failover = {
  readonly replication: Replication;
  readonly accepted: number;
  /** What was accepted, and is not there (or not as it was accepted) afterwards. */
  readonly lost: number;
  /** From the replica's promotion until a write is accepted again. */
  readonly acceptedAgainMs: number;
  /** Posts and feeds that `rebuild` had to mend, after it nothing differs. */
  readonly mended: number;
};

const LOAD_MS = 4_000;
/** The replica lags when the source dies, as it does under load or over a slow line. */
const LAG_MS = 700;
const SETTLED_WITHIN_MS = 60_000;

/**
 * MySQL dies under load and its replica takes its place, at the address that the servers know (docs/operations.md). What
 * was accepted and is lost with it depends on the replication alone: the servers can't know what a replica never had.
 */
export async function failOver(replication: Replication, seed: number): Promise<Failover> {
  await using undo = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'tagwire-failover-'));
  undo.defer(() => rm(folder, { recursive: true, force: true }));
  const [pair, mongo, nats] = await Promise.all([
    startMysqlPair(replication).then((started) => undo.use(started)),
    startMongo({ own: true }),
    startNats({ own: true }),
  ]);
  for (const service of [mongo, nats]) undo.defer(() => service.stop());
  const database = freshName('failover');
  await createDatabase(pair.source.url, database);
  const moving = { port: pair.source.port };
  const proxy = undo.use(await startTcpProxy(moving));
  const mysql = new URL(`${pair.source.url}/${database}`);
  mysql.port = String(proxy.port);
  const urls = {
    mysql: mysql.href,
    mongo: `${mongo.url}/${database}`,
    nats: nats.url,
    natsPrefix: freshName('f'),
  };
  const { servers, balancer } = await startServers(folder, [urls, urls], undo);

  const truth = journal();
  const writers = startWriters({ port: balancer.port, journal: truth, random: seeded(seed), writers: 12, pauseMs: 60 });
  await delay(LOAD_MS);
  if (pair.replica.pid !== undefined) process.kill(pair.replica.pid, 'SIGSTOP');
  await delay(LAG_MS);
  await pair.source.kill('SIGKILL');
  if (pair.replica.pid !== undefined) process.kill(pair.replica.pid, 'SIGCONT');
  await pair.promote();
  proxy.cut();
  moving.port = pair.replica.port;
  proxy.restore();
  const promotedAt = performance.now();
  await writers.create('#probe accepted by the new source');
  const acceptedAgainMs = performance.now() - promotedAt;
  await delay(LOAD_MS / 2);
  await writers.stop(30_000);
  const isQuiet = await holdsWithin(SETTLED_WITHIN_MS, async () => {
    const all = await Promise.all(servers.map(({ port }) => metricsOf(port)));
    const names = ['tagwire_outbox_unpublished', 'tagwire_outbox_unconfirmed', 'tagwire_projection_waiting'];
    return all.every((metrics) => names.every((name) => metrics.get(name) === 0));
  });
  if (!isQuiet) throw new Error(`Outbox or projection were not empty within ${SETTLED_WITHIN_MS / 1000} s`);

  const mended = await rebuilt(urls, folder);
  const again = await rebuilt(urls, folder);
  if (again > 0) throw new Error(`A second rebuild found ${again} more`);
  const checks = compare(truth, await readAll(balancer.port, [COMMON_TAG, 'probe', ...TAGS]));
  const lost = Number.parseInt(checks.find(({ what }) => what === 'accepted writes lost')?.found ?? '', 10);
  return { replication, accepted: truth.writes, lost, acceptedAgainMs, mended };
}

async function rebuilt(services: Parameters<typeof openStores>[0]['services'], dataDir: string): Promise<number> {
  const stores = await openStores({
    ...{ services, dataDir, logger: pino({ level: 'silent' }), signal: AbortSignal.timeout(60_000) },
  });
  try {
    const { applied, mended, recounted } = await rebuild({ store: stores.write.store, readModel: stores.readModel });
    return applied + mended + recounted.length;
  } finally {
    await stores.close();
  }
}
