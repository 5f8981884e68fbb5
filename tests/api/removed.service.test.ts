import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { MongoClient } from 'mongodb';
import { createConnection } from 'mysql2/promise';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FeedPage } from '../../contract/feed.ts';
import { readConfig } from '../../server/config.ts';
import { mongoCollections } from '../../server/feeds/mongo-documents.ts';
import { startServer } from '../../server/server.ts';
import { freshMongoDatabase, freshMysqlDatabase, freshName } from '../services/databases.ts';
import { serviceUrl } from '../services/urls.ts';
import { until } from '../wait.ts';
import { apiAt, type Api } from './api.ts';

const missing = (['mysql', 'mongo', 'nats'] as const).filter((kind) => !serviceUrl(kind));

/** What is taken away is noticed within 3 s, whether anybody writes or not; twice that on a busy machine. */
const NOTICED_WITHIN_MS = 6_000;

/** What somebody takes away under a running server comes back by itself. */
describe.skipIf(missing.length > 0)('under a running shared server', { timeout: 120_000 }, () => {
  const undo = new AsyncDisposableStack();
  const prefix = freshName('t').slice(0, 30);
  const stream = prefix.toUpperCase();
  let api: Api;
  let mongo: MongoClient;
  let database: string;
  let mysqlUrl: string;
  /** What the server warned of. */
  const warnings: string[] = [];
  let jetstream: Awaited<ReturnType<typeof jetstreamManager>>;

  beforeAll(async () => {
    const [mysql, documents] = [undo.use(await freshMysqlDatabase()), undo.use(await freshMongoDatabase())];
    database = documents.name;
    mysqlUrl = mysql.url;
    const NATS_URL = serviceUrl('nats') ?? '';
    const env = { PORT: '0', MYSQL_URL: mysql.url, MONGO_URL: documents.url, NATS_URL, NATS_PREFIX: prefix };
    const config = readConfig({ ...env, RATE_LIMIT_WRITES: '0', ALLOWED_HOSTS: '*' });
    const logger = pino({ level: 'warn' }, { write: (line: string) => void warnings.push(line) });
    const server = await startServer(config, { logger });
    undo.defer(() => server.close(1_000));
    await server.ready;
    api = apiAt(server.url);
    mongo = await MongoClient.connect(documents.url);
    undo.defer(() => mongo.close());
    const connection = await connect({ servers: NATS_URL });
    undo.defer(() => connection.close());
    jetstream = await jetstreamManager(connection);
    undo.defer(() => jetstream.streams.delete(stream).then(() => undefined));
  }, 120_000);
  afterAll(() => undo.disposeAsync());

  const collections = () => mongoCollections(mongo.db(database));
  const total = async (feed: string) => {
    const { status, json } = await api.request(`/api/feeds/${feed}`);
    const page = status === 200 ? json<FeedPage>() : undefined;
    // The one comes from the feeds, the others from the posts.
    return page?.total === page?.posts.length ? page?.total : `answered with ${status}`;
  };
  const write = (feed: string) => api.create({ content: `#${feed}`, author: 'Ada' });
  const isReady = async () => (await api.request('/readyz')).status === 200;
  const deadLetters = async () => /^tagwire_dead_letters (\d+)$/m.exec((await api.request('/metrics')).text)?.[1];

  it.each([
    ['NATS stream', /stream/, () => jetstream.streams.delete(stream)],
    ['MongoDB database', /read model/, () => mongo.db(database).dropDatabase()],
    ['MongoDB collection of posts', /read model/, () => collections().posts.drop()],
  ])('a %s that goes while nobody writes is noticed and made anew', async (_, words, remove) => {
    const posts = Number(await total('idle')) + 1;
    await write('idle');
    await until(async () => (await total('idle')) === posts && (await isReady()), 20_000);
    warnings.length = 0;

    await remove();

    await until(() => warnings.some((line) => words.test(line)), NOTICED_WITHIN_MS);
    await until(async () => (await total('idle')) === posts && (await isReady()), 20_000);
  });

  it('a stream that was removed is made anew, and what was in it is published again', async () => {
    await write('stream');
    await until(async () => (await total('stream')) === 1, 20_000);

    await jetstream.streams.delete(stream);
    await Promise.all(Array.from({ length: 20 }, () => write('stream')));

    await until(async () => (await total('stream')) === 21, 20_000);
    await until(isReady, 20_000);
    expect(await deadLetters()).toBe('0');
  });

  it('what was published and not handled when the stream went is published again at once', async () => {
    const consumers = await jetstream.consumers.list(stream).next();
    for (const { name } of consumers) await jetstream.consumers.pause(stream, name, new Date(Date.now() + 600_000));
    await Promise.all(Array.from({ length: 20 }, () => write('unhandled')));
    await until(async () => (await jetstream.streams.info(stream)).state.messages >= 20, 20_000);

    await jetstream.streams.delete(stream);

    // Much sooner than by the sweep of what nobody confirms, which comes after 30 s.
    await until(async () => (await total('unhandled')) === 20, 20_000);
  });

  it('NATS keeps no message that was handled, a text that was deleted least of all', async () => {
    const { id } = await write('kept');
    await api.request(`/api/posts/${id}`, { method: 'DELETE' });
    await expect
      .poll(async () => (await jetstream.streams.info(stream, { subjects_filter: '>' })).state, { timeout: 20_000 })
      .toMatchObject({ messages: 0 });
    const { config } = await jetstream.streams.info(stream);
    expect(config).toMatchObject({ retention: 'workqueue', max_bytes: 256 * 1024 * 1024 });
  });

  it.each([
    ['the database', () => mongo.db(database).dropDatabase()],
    ['the collection of posts', () => collections().posts.drop()],
    ['the collection of feeds', () => collections().feeds.drop()],
  ])('%s of MongoDB that was dropped is filled again, and feeds are never shown empty for long', async (_, drop) => {
    const feed = freshName('mongo');
    await Promise.all(Array.from({ length: 20 }, () => write(feed)));
    await until(async () => (await total(feed)) === 20, 20_000);
    const indexes = await collections().posts.indexes();

    await drop();
    await write(feed);

    await until(async () => (await total(feed)) === 21, 20_000);
    await until(isReady, 20_000);
    await expect.poll(() => collections().posts.indexes(), { timeout: 10_000 }).toEqual(indexes);
    expect(await deadLetters()).toBe('0');
  });

  it('a MySQL without room answers writes with 507, and reading goes on', async () => {
    await write('full');
    await until(async () => (await total('full')) === 1, 20_000);
    await using mysql = await createConnection(mysqlUrl);
    const full = "SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1114, MESSAGE_TEXT = 'The table is full'";
    await mysql.query(`CREATE TRIGGER full BEFORE INSERT ON outbox FOR EACH ROW ${full}`);

    const refused = await api.request('/api/posts', { method: 'POST', body: { content: '#full', author: 'Ada' } });

    expect(refused.problem()).toMatchObject({ status: 507, type: 'urn:tagwire:problem:storage-full' });
    expect([await total('full'), await isReady()]).toEqual([1, true]);
    await mysql.query('DROP TRIGGER full');
    await write('full');
    await until(async () => (await total('full')) === 2, 20_000);
  });
});
