import { jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { createConnection } from 'mysql2/promise';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
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
export async function startShared(folder: string, serverCount: number): Promise<Deployment> {
  await using undo = new AsyncDisposableStack();
  const own = async (start: Promise<RunningService>) => {
    const service = await start;
    undo.defer(() => service.stop());
    return service;
  };
  const [mysql, mongo, nats] = await Promise.all([
    own(startMysql({ own: true })),
    own(startMongo({ own: true })),
    own(startNats({ own: true })),
  ]);
  const numbers = Array.from({ length: serverCount }, (_, number) => number);
  const withProxies = async (service: RunningService): Promise<SharedService> => ({
    service,
    proxies: await Promise.all(numbers.map(async () => undo.use(await startTcpProxy({ port: service.port })))),
  });
  const services = { mysql: await withProxies(mysql), mongo: await withProxies(mongo), nats: await withProxies(nats) };
  const database = freshName('faults');
  const natsPrefix = freshName('f');
  await mysqlStatement(mysql.url, `CREATE DATABASE ${database} CHARACTER SET utf8mb4`);
  const direct = { mysql: `${mysql.url}/${database}`, mongo: `${mongo.url}/${database}`, nats: nats.url, natsPrefix };

  const log = serverLog(folder);
  const servers = await Promise.all(
    numbers.map((number) => {
      const through = (kind: ServiceKind) => throughProxy(direct[kind], services[kind].proxies[number] as TcpProxy);
      const env = {
        MYSQL_URL: through('mysql'),
        MONGO_URL: through('mongo'),
        NATS_URL: through('nats'),
        NATS_PREFIX: natsPrefix,
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
  const running = undo.move();
  return {
    mode: 'shared',
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

async function mysqlStatement(url: string, sql: string, values: (string | number)[] = []): Promise<void> {
  const connection = await createConnection(url);
  try {
    await connection.execute(sql, values);
  } finally {
    await connection.end();
  }
}
