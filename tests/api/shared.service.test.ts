import { execFile } from 'node:child_process';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FeedPage } from '../../contract/feed.ts';
import { readConfig } from '../../server/config.ts';
import { openMongoReadModel } from '../../server/feeds/mongo-read-model.ts';
import { startServer } from '../../server/server.ts';
import { startServer as startProcess, type TestServer } from '../e2e/server.ts';
import { until } from '../wait.ts';
import { freshMongoDatabase, freshMysqlDatabase, freshName } from '../services/databases.ts';
import { startTcpProxy, throughProxy, type TcpProxy } from '../services/tcp-proxy.ts';
import { serviceUrl } from '../services/urls.ts';
import { apiAt, events } from './api.ts';

const logger = pino({ level: 'silent' });
const PARTS = ['mysql', 'mongo', 'nats'] as const;
type Part = (typeof PARTS)[number];

const missing = PARTS.filter((part) => !serviceUrl(part));

describe.skipIf(missing.length > 0)('two shared servers', { timeout: 60_000 }, () => {
  const proxies = {} as Record<Part, TcpProxy>;
  const undo = new AsyncDisposableStack();
  let one: TestServer;
  let two: TestServer;
  let env: Record<string, string>;

  beforeAll(async () => {
    const [mysql, mongo] = [undo.use(await freshMysqlDatabase()), undo.use(await freshMongoDatabase())];
    const urls = { mysql: mysql.url, mongo: mongo.url, nats: serviceUrl('nats') ?? '' };
    for (const part of PARTS) {
      const { port, hostname } = new URL(urls[part]);
      proxies[part] = undo.use(await startTcpProxy({ host: hostname, port: Number(port) }));
    }
    const through = (part: Part) => throughProxy(urls[part], proxies[part]);
    env = {
      MYSQL_URL: through('mysql'),
      MONGO_URL: through('mongo'),
      NATS_URL: through('nats'),
      NATS_PREFIX: freshName('t').slice(0, 32),
      ALLOWED_HOSTS: '127.0.0.1',
      RATE_LIMIT_WRITES: '0',
      LOG_LEVEL: 'fatal',
    };
    [one, two] = await Promise.all([startProcess(env), startProcess(env)]);
    undo.defer(() => one.stop());
    undo.defer(() => two.stop());
  }, 60_000);
  afterAll(() => undo.disposeAsync());

  const runTool = (tool: string) =>
    new Promise<{ code: number; out: string }>((resolve) => {
      const options = { env: { ...process.env, ...env } };
      execFile(process.execPath, [`server/cli/${tool}.ts`], options, (error, out) => {
        resolve({ code: error === null ? 0 : Number(error.code), out });
      });
    });
  const post = (server: TestServer, content: string) => apiAt(server.url).create({ content, author: 'Ada' });
  const feed = async (server: TestServer, name: string) =>
    (await apiAt(server.url).request(`/api/feeds/${name}?limit=200`)).json<FeedPage>();
  const metric = async (server: TestServer, name: string) => {
    const { text } = await apiAt(server.url).request('/metrics');
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  };
  const ready = async (server: { url: string }) => {
    const answer = await apiAt(server.url).request('/readyz');
    const { parts } = answer.json<{ parts: Record<string, { ok: boolean; detail?: string }> }>();
    const down = Object.keys(parts).filter((name) => parts[name]?.ok === false);
    return { status: answer.status, down };
  };

  it('show a post that was written through one on the streams of the other', async () => {
    const closing = new AbortController();
    const stream = events(`${two.url}/api/live?stream=feed:across`, {}, closing.signal);
    await stream.next();

    const { id } = await post(one, 'hello #across');

    const heard = await stream.next();
    expect(heard.value?.data).toContain(id);
    closing.abort();
  });

  it('go on within 10 s when one of them is killed with events in its hands', async () => {
    proxies.mongo.pause();
    const written = await Promise.all(Array.from({ length: 100 }, (_, n) => post(two, `${n} #takeover`)));
    await until(async () => (await metric(one, 'tagwire_projection_waiting')) > 0, 10_000);
    await one.kill();
    proxies.mongo.restore();

    await until(async () => (await feed(two, 'takeover')).total === written.length, 10_000);

    const ids = (await feed(two, 'takeover')).posts.map(({ id }) => id);
    expect(ids.toSorted()).toEqual(written.map(({ id }) => id).toSorted());
    await one.start();
  });

  it('take posts while NATS is away, say so, and show them within 5 s when it is back', async () => {
    const closing = new AbortController();
    const stream = events(`${two.url}/api/live?stream=feed:outage`, {}, closing.signal);
    await stream.next();
    proxies.nats.cut();
    await until(async () => (await ready(one)).down.includes('nats'), 10_000);
    expect((await ready(one)).status).toBe(503);

    const { id } = await post(one, 'written meanwhile #outage');
    proxies.nats.restore();

    await until(async () => (await ready(one)).status === 200, 5_000);
    const heard = await stream.next();
    expect(heard.value?.data).toContain(id);
    closing.abort();
  });

  const read = { method: 'GET', path: '/api/feeds/away', body: undefined };
  const write = { method: 'POST', path: '/api/posts', body: { content: 'x', author: 'Ada' } };

  it.each([
    { part: 'mysql' as const, needs: write, goesOn: read },
    { part: 'mongo' as const, needs: read, goesOn: write },
  ])('answer 503 only where $part is needed and away, and recover by themselves', async ({ part, needs, goesOn }) => {
    const { request } = apiAt(one.url);
    proxies[part].cut();

    const refused = await request(needs.path, needs);

    expect(refused.problem()).toMatchObject({ status: 503 });
    expect(refused.headers['retry-after']).toBeDefined();
    expect((await request(goesOn.path, goesOn)).status).toBeLessThan(300);
    expect((await ready(one)).down).toContain(part);
    expect((await request('/healthz')).status).toBe(200);

    proxies[part].restore();
    await until(async () => (await ready(one)).status === 200, 10_000);
    await until(async () => (await request(needs.path, needs)).status < 300, 10_000);
  });

  it('are told at once what a rebuild mends, and then verify finds nothing', async () => {
    const { id } = await post(one, 'to be mended #mended');
    await until(async () => (await feed(one, 'mended')).total === 1, 5_000);
    const readModel = await openMongoReadModel({ url: env['MONGO_URL'] ?? '', clock: () => new Date(), logger });
    await readModel.forget(id);
    await readModel.close();
    const closing = new AbortController();
    const stream = events(`${two.url}/api/live?stream=feed:mended`, {}, closing.signal);
    expect((await stream.next()).value?.data).not.toContain(id);

    const found = await runTool('verify');
    expect(found).toMatchObject({ code: 1 });
    expect(found.out).toContain(`post ${id}: is not in the read model`);
    expect(await runTool('rebuild')).toMatchObject({ code: 0 });
    const mendedAt = Date.now();

    const heard = await stream.next();
    expect(heard.value?.data).toContain(id);
    // Watched streams are read every 15 s in any case: this was sooner.
    expect(Date.now() - mendedAt).toBeLessThan(5_000);
    expect(await runTool('verify')).toMatchObject({ code: 0 });
    expect((await runTool('dead-letters')).out).toBe('0 dead letters\n');
    closing.abort();
  });

  it('start before their services, and tell what they wait for', async () => {
    for (const part of PARTS) proxies[part].cut();
    const config = readConfig({ ...env, PORT: '0' });
    const late = await startServer(config, { logger });
    try {
      const api = apiAt(late.url);
      expect(await ready(late)).toEqual({ status: 503, down: ['mysql', 'mongo', 'nats'] });
      expect((await api.request('/healthz')).status).toBe(200);
      expect((await api.request('/api/feeds')).problem()).toMatchObject({ status: 503 });

      for (const part of ['nats', 'mysql', 'mongo'] as const) {
        expect((await ready(late)).down).toContain(part);
        proxies[part].restore();
        await until(async () => !(await ready(late)).down.includes(part), 15_000);
      }

      await late.ready;
      expect(await ready(late)).toEqual({ status: 200, down: [] });
      expect((await api.request('/api/feeds')).status).toBe(200);
    } finally {
      for (const part of PARTS) proxies[part].restore();
      await late.close(1_000);
    }
  });
});
