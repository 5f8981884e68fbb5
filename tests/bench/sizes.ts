/**
 * `npm run sizes [-- --posts 20000]`: what a post takes in each store, in the log and in a rebuild, and a stream that is open: the
 * table of docs/operations.md. Some minutes; on services of its own, or those that the environment names for tests.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { cpus, loadavg } from 'node:os';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs, promisify } from 'node:util';
import { jetstreamManager } from '@nats-io/jetstream';
import { MongoClient } from 'mongodb';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { dataFiles } from '../../server/data-folder.ts';
import { forgetMongoReadModel } from '../../server/feeds/mongo-forget.ts';
import { openConnection } from '../../server/messaging/nats-connection.ts';
import { apiAt } from '../api/api.ts';
import { until } from '../wait.ts';
import { memoryOf } from './live/process-figures.ts';
import type { Deployment } from './writes/deployment.ts';
import { embeddedDeployment } from './writes/embedded.ts';
import { benchPost } from './writes/posts.ts';
import { startServerProcess } from './writes/server-process.ts';
import { sharedDeployment } from './writes/shared.ts';

type Env = Readonly<Record<string, string>>;

/** Bytes by table or collection, indexes included. */
type Bytes = ReadonlyMap<string, number>;

/** How a deployment's stores are looked at. */
type Stores = {
  write(env: Env): Promise<Bytes>;
  read(env: Env): Promise<Bytes>;
  /** Takes the read model away, so that a rebuild makes all of it. */
  forgetRead(env: Env): Promise<void>;
};

/** What one deployment takes; bytes a post unless it says otherwise. */
type Sizes = {
  readonly write: number;
  readonly key: number;
  readonly read: number;
  readonly broker: { readonly waiting: number; readonly handled: number } | undefined;
  readonly log: { readonly lines: number; readonly bytes: number };
  readonly stream: number;
  readonly rebuildSeconds: number;
};

const WRITERS = 20;
/** So many posts are enough to know what an event takes in the broker. */
const WAITING_EVENTS = 1_000;
/** Memory grows from the first number to the second: what the first streams warm up is not counted. */
const STREAMS = [1_000, 4_000] as const;
const WITHIN_MS = 120_000;

const { values } = parseArgs({ options: { posts: { type: 'string', default: '20000' } } });
const posts = Number(values.posts);

const alone = await sizesOf(await embeddedDeployment(), {
  write: async (env) => sqliteBytes(dataFiles(env['DATA_DIR'] ?? '').writeFile),
  read: async (env) => sqliteBytes(dataFiles(env['DATA_DIR'] ?? '').readFile),
  async forgetRead(env) {
    const { readFile } = dataFiles(env['DATA_DIR'] ?? '');
    for (const end of ['', '-wal', '-shm']) rmSync(`${readFile}${end}`, { force: true });
  },
});
const shared = await sizesOf(await sharedDeployment(), {
  write: (env) => mysqlBytes(env['MYSQL_URL'] ?? ''),
  read: (env) => mongoBytes(env['MONGO_URL'] ?? ''),
  forgetRead: (env) => forgetMongoReadModel(env['MONGO_URL'] ?? ''),
});
printTable(alone, shared);

async function sizesOf(deployment: Deployment, stores: Stores): Promise<Sizes> {
  await using running = deployment;
  await using stand = await running.stand(0);
  const { env } = stand;
  const tell = (what: string) => console.error(`${running.name}: ${what} (load ${load()})`);
  tell(running.services.join(', '));
  const before = { write: await stores.write(env), read: await stores.read(env) };
  const log = { lines: 0, bytes: 0 };
  const count = (text: Buffer) => {
    log.bytes += text.length;
    log.lines += text.toString('latin1').split('\n').length - 1;
  };
  let requested: typeof log;
  let broker: Sizes['broker'];
  let stream: number;
  const start = () => {
    const settings = { ...env, LOG_LEVEL: 'info', STREAMS_PER_ADDRESS: '0' };
    return startServerProcess('server/main.ts', settings, undefined, count);
  };
  {
    await using server = await start();
    const begin = { ...log };
    await write(server.url, posts);
    await until(() => log.lines - begin.lines >= posts, WITHIN_MS);
    requested = { lines: (log.lines - begin.lines) / posts, bytes: (log.bytes - begin.bytes) / posts };
    await server.idle();
    tell('posts are written');
  }
  {
    // Another process: one that was busy has memory left over, in which many streams have room.
    await using server = await start();
    stream = await memoryOfStream(server.url, server.pid);
    tell('streams are measured');
    if (env['NATS_URL'] !== undefined) broker = await brokerBytes(env, server.url);
    await server.idle();
  }
  tell('the server has ended');
  const written = posts + (broker === undefined ? 0 : WAITING_EVENTS);
  const after = { write: await stores.write(env), read: await stores.read(env) };
  await stores.forgetRead(env);
  const { stdout } = await promisify(execFile)(process.execPath, ['server/cli/rebuild.ts'], {
    env: { ...process.env, ...env },
  });
  const [, looked, seconds] = /Looked at (\d+) posts in ([\d.]+) s/.exec(stdout) ?? [];
  const perPost = (end: Bytes, start: Bytes, wanted: (table: string) => boolean) => {
    const total = (bytes: Bytes) => [...bytes].reduce((sum, [table, each]) => sum + (wanted(table) ? each : 0), 0);
    return (total(end) - total(start)) / written;
  };
  return {
    write: perPost(after.write, before.write, (table) => table === 'posts'),
    key: perPost(after.write, before.write, (table) => table === 'idempotency_keys'),
    read: perPost(after.read, before.read, () => true),
    broker,
    log: requested,
    stream,
    rebuildSeconds: (Number(seconds) / Number(looked)) * 100_000,
  };
}

/** As windows do: each post with a key of its own. */
async function write(url: string, count: number): Promise<void> {
  const api = apiAt(url);
  let next = 0;
  const writer = async () => {
    while (next < count) await api.create(benchPost(next++), { 'Idempotency-Key': randomUUID() });
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
}

/** Streams of feeds on which nothing happens. */
async function memoryOfStream(url: string, pid: number): Promise<number> {
  const { hostname, port } = new URL(url);
  const sockets: Socket[] = [];
  const open = () =>
    new Promise<void>((resolve, reject) => {
      const socket = connectTcp(Number(port), hostname);
      sockets.push(socket);
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('A stream was closed')));
      socket.on('data', (text) => {
        if (text.includes('snapshot')) resolve();
        else if (/^HTTP\/1\.1 [45]/.test(text.toString('latin1'))) socket.destroy();
      });
      socket.write(`GET /api/live?stream=feed:idle HTTP/1.1\r\nHost: ${hostname}\r\nAccept: text/event-stream\r\n\r\n`);
    });
  const memory: number[] = [];
  try {
    for (const size of STREAMS) {
      while (sockets.length < size) await Promise.all(Array.from({ length: 50 }, open));
      memory.push(await memoryOf(pid));
    }
  } finally {
    for (const socket of sockets) socket.destroy();
  }
  return ((memory[1] ?? NaN) - (memory[0] ?? NaN)) / (STREAMS[1] - STREAMS[0]);
}

/** What an event takes while nobody handles it, and afterwards. */
async function brokerBytes(env: Env, url: string): Promise<{ waiting: number; handled: number }> {
  const connection = await openConnection({ url: env['NATS_URL'] ?? '' });
  try {
    const manager = await jetstreamManager(connection);
    const stream = (env['NATS_PREFIX'] ?? '').toUpperCase();
    const state = async () => (await manager.streams.info(stream)).state;
    const consumers = await manager.consumers.list(stream).next();
    for (const { name } of consumers) await manager.consumers.pause(stream, name, new Date(Date.now() + WITHIN_MS));
    await write(url, WAITING_EVENTS);
    // Some may have been in the hands of a server when its consumer was paused.
    await until(async () => (await state()).messages > WAITING_EVENTS / 2, WITHIN_MS);
    const { bytes, messages } = await state();
    for (const { name } of consumers) await manager.consumers.resume(stream, name);
    await until(async () => (await state()).messages === 0, WITHIN_MS);
    return { waiting: bytes / messages, handled: (await state()).bytes };
  } finally {
    await connection.close();
  }
}

function sqliteBytes(path: string): Bytes {
  using database = new DatabaseSync(path, { readOnly: true });
  const rows = database
    .prepare('SELECT tbl_name AS name, SUM(pgsize) AS bytes FROM dbstat JOIN sqlite_schema USING (name) GROUP BY 1')
    .all();
  return new Map(rows.map(({ name, bytes }) => [String(name), Number(bytes)]));
}

async function mysqlBytes(url: string): Promise<Bytes> {
  const connection = await createConnection(url);
  try {
    const [tables] = await connection.query<RowDataPacket[]>('SHOW TABLES');
    const names = tables.map((row) => String(Object.values(row)[0]));
    await connection.query(`ANALYZE TABLE ${names.join(', ')}`);
    const [rows] = await connection.query<RowDataPacket[]>(
      `SELECT TABLE_NAME AS name, DATA_LENGTH + INDEX_LENGTH AS bytes
       FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()`,
    );
    return new Map(rows.map(({ name, bytes }) => [String(name), Number(bytes)]));
  } finally {
    await connection.end();
  }
}

async function mongoBytes(url: string): Promise<Bytes> {
  const client = await MongoClient.connect(url);
  try {
    await client.db('admin').command({ fsync: 1 });
    const { storageSize, indexSize } = await client.db().stats();
    return new Map([['all', Number(storageSize) + Number(indexSize)]]);
  } finally {
    await client.close();
  }
}

function printTable(one: Sizes, many: Sizes): void {
  const whole = (value: number) => Math.round(value).toLocaleString('en');
  const log = ({ lines, bytes }: Sizes['log']) => `${lines.toFixed(2)}, ${whole(bytes)} bytes`;
  const broker = many.broker === undefined ? [NaN, NaN] : [many.broker.waiting, many.broker.handled];
  const rows = [
    ['', 'alone', 'shared'],
    ['---', '---', '---'],
    ['a post in the write model', `SQLite ${whole(one.write)} bytes`, `MySQL ${whole(many.write)} bytes`],
    ['its `Idempotency-Key`, kept there for three days', `${whole(one.key)} bytes`, `${whole(many.key)} bytes`],
    ['a post in the read model', `SQLite ${whole(one.read)} bytes`, `MongoDB ${whole(many.read)} bytes`],
    [
      'an event in NATS while it waits; once handled',
      '',
      `${whole(broker[0] ?? NaN)} bytes; ${whole(broker[1] ?? NaN)}`,
    ],
    ['lines of log of a request', log(one.log), log(many.log)],
    [
      'memory of a stream that is open and idle',
      ...[one, many].map(({ stream }) => `${(stream / 1024).toFixed(0)} KiB`),
    ],
    ['a rebuild of 100,000 posts', ...[one, many].map(({ rebuildSeconds }) => `${whole(rebuildSeconds)} s`)],
  ];
  console.log(rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n'));
  console.log(
    `\n${posts} posts; ${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.versions.node}, load ${load()}`,
  );
}

function load(): string {
  return (loadavg()[0] ?? NaN).toFixed(1);
}
