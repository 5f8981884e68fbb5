import { jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { createConnection } from 'mysql2/promise';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { ServiceUrls } from '../../server/config.ts';
import { keySubject } from '../../server/messaging/nats-wire.ts';
import { freshName } from '../services/databases.ts';
import { startMongo } from '../services/mongo.ts';
import { startMysql } from '../services/mysql.ts';
import { startNats } from '../services/nats.ts';
import type { RunningService, ServiceKind } from '../services/service.ts';
import { startTcpProxy, throughProxy, type TcpProxy } from '../services/tcp-proxy.ts';
import { startBalancer } from './balancer.ts';
import type { Deployment, SharedService } from './deployment.ts';
import { BROKEN_MESSAGES, BROKEN_ROWS, UNPUBLISHABLE_ROWS } from './poison.ts';
import { serverLog } from './server-log.ts';
import { serverProcess } from './server-process.ts';

/** Several servers on MySQL, MongoDB and NATS, with a proxy on each way between the two. */
export async function startShared(folder: string, serverCount: number, natsStore?: string): Promise<Deployment> {
  await using undo = new AsyncDisposableStack();
  const own = async (start: Promise<RunningService>) => {
    const service = await start;
    undo.defer(() => service.stop());
    return service;
  };
  const [mysql, mongo, nats] = await Promise.all([
    own(startMysql({ own: true })),
    own(startMongo({ own: true })),
    own(startNats({ own: true, dataDir: natsStore })),
  ]);
  const numbers = Array.from({ length: serverCount }, (_, number) => number);
  const withProxies = async (service: RunningService): Promise<SharedService> => ({
    service,
    proxies: await Promise.all(numbers.map(async () => undo.use(await startTcpProxy({ port: service.port })))),
  });
  const services = { mysql: await withProxies(mysql), mongo: await withProxies(mongo), nats: await withProxies(nats) };
  const database = freshName('faults');
  const natsPrefix = freshName('f');
  await createDatabase(mysql.url, database);
  const direct = { mysql: `${mysql.url}/${database}`, mongo: `${mongo.url}/${database}`, nats: nats.url, natsPrefix };

  const urls = numbers.map((number) => {
    const through = (kind: ServiceKind) => throughProxy(direct[kind], services[kind].proxies[number] as TcpProxy);
    return { mysql: through('mysql'), mongo: through('mongo'), nats: through('nats'), natsPrefix };
  });
  const { servers, balancer, log } = await startServers(folder, urls, undo);
  const running = undo.move();
  return {
    mode: natsStore === undefined ? 'shared' : 'storage',
    natsStore,
    servers,
    survivor: servers.at(-1),
    balancer,
    services,
    log,
    stores: { services: direct, dataDir: folder },
    poison: () => [...poisonOutbox(direct.mysql), ...poisonTopics(nats.url, natsPrefix)],
    description: [mysql, mongo, nats].map(({ name, version }) => `${name} ${version}`).join(', '),
    close: () => running.disposeAsync(),
  };
}

/** A server process for each of these sets of URLs, and a balancer before them; `undo` ends them. */
export async function startServers(folder: string, urls: readonly ServiceUrls[], undo: AsyncDisposableStack) {
  const log = serverLog(folder);
  const servers = await Promise.all(
    urls.map(({ mysql, mongo, nats, natsPrefix, natsReplicas }, number) => {
      const env = {
        MYSQL_URL: mysql,
        MONGO_URL: mongo,
        NATS_URL: nats,
        NATS_PREFIX: natsPrefix,
        ALLOWED_HOSTS: '*', // the balancer has another port
        ...(natsReplicas !== undefined && { NATS_REPLICAS: String(natsReplicas) }),
        RATE_LIMIT_WRITES: '0',
        RENDERER_DIR: join(folder, 'renderer'),
      };
      return serverProcess(`server-${number + 1}`, env, log);
    }),
  );
  for (const server of servers) undo.defer(() => server.stop());
  await Promise.all(servers.map((server) => server.start()));
  const balancer = await startBalancer(servers.map(({ port }) => port));
  undo.defer(() => balancer.close());
  return { servers, balancer, log };
}

function poisonOutbox(url: string): (() => Promise<string>)[] {
  return [...BROKEN_ROWS, ...UNPUBLISHABLE_ROWS].map(({ topic, payload, metadata }) => {
    const id = `poison-${randomUUID()}`;
    return async () => {
      const sql = `INSERT INTO outbox (id, topic, message_key, payload, metadata, created_at) VALUES (?, ?, ?, ?, ?, ?)
        ON DUPLICATE KEY UPDATE id = id`;
      await mysqlStatement(url, sql, [id, topic, id, payload, metadata, Date.now()]);
      return id;
    };
  });
}

function poisonTopics(url: string, prefix: string): (() => Promise<string>)[] {
  return BROKEN_MESSAGES.map(({ topic, payload }) => async () => {
    const connection = await connect({ servers: url, reconnect: false });
    try {
      const client = jetstream(connection);
      const { stream, seq } = await client.publish(keySubject(prefix, topic, `poison-${randomUUID()}`), payload);
      return `${stream}:${seq}`;
    } finally {
      await connection.close();
    }
  });
}

export function createDatabase(url: string, name: string): Promise<void> {
  return mysqlStatement(url, `CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
}

async function mysqlStatement(url: string, sql: string, values: (string | number)[] = []): Promise<void> {
  const connection = await createConnection(url);
  try {
    await connection.execute(sql, values);
  } finally {
    await connection.end();
  }
}
