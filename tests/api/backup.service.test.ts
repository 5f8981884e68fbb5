import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { FeedPage } from '../../contract/feed.ts';
import { readConfig } from '../../server/config.ts';
import { startServer } from '../../server/server.ts';
import {
  freshMongoDatabase,
  freshMysqlDatabase,
  freshMysqlUser,
  freshName,
  mysqlStatement,
} from '../services/databases.ts';
import { serviceUrl } from '../services/urls.ts';
import { until } from '../wait.ts';
import { apiAt } from './api.ts';
import { runTool } from './run-tool.ts';

const missing = (['mysql', 'mongo', 'nats'] as const).filter((kind) => !serviceUrl(kind));

describe.skipIf(missing.length > 0)('a backup of the shared deployment', { timeout: 300_000 }, () => {
  it('is made by a user with rights on the database alone, under load, and brings all back to one that was dropped', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tagwire-backup-'));
    await using mysql = await freshMysqlDatabase();
    await using mongo = await freshMongoDatabase();
    await using user = await freshMysqlUser(mysql);
    const env = {
      MYSQL_URL: user.url,
      MONGO_URL: mongo.url,
      NATS_URL: serviceUrl('nats') ?? '',
      NATS_PREFIX: freshName('t').slice(0, 30),
      ALLOWED_HOSTS: '*',
      RATE_LIMIT_WRITES: '0',
    };
    const start = async () => {
      const server = await startServer(readConfig({ ...env, PORT: '0' }), { logger: pino({ level: 'fatal' }) });
      await server.ready;
      return { ...apiAt(server.url), [Symbol.asyncDispose]: () => server.close(1_000) };
    };
    const file = join(folder, 'shared.db');
    const texts = ['a "quoted" 😀 #kept', "it's\u2028 #kept", '\\ back #kept'];
    {
      await using api = await start();
      for (const content of texts) await api.create({ content, author: 'Ada' });
      let writing = true;
      const load = (async () => {
        while (writing) await api.create({ content: '#load', author: 'Ada' });
      })();
      const made = await runTool(env, 'backup', file);
      writing = false;
      await load;
      expect(made).toMatchObject({ code: 0 });
    }
    await mysqlStatement(mysql.url, `DROP DATABASE ${mysql.name}`);
    await mysqlStatement(serviceUrl('mysql') ?? '', `CREATE DATABASE ${mysql.name} CHARACTER SET utf8mb4`);

    expect(await runTool(env, 'restore', file)).toMatchObject({ code: 0 });
    expect((await runTool(env, 'restore', file)).err).toContain('with --replace they are deleted first');

    await using api = await start();
    const feed = async () => (await api.request('/api/feeds/kept')).json<FeedPage>();
    await until(async () => (await feed()).total === texts.length, 20_000);
    expect((await feed()).posts.map(({ content }) => content)).toEqual(texts.toReversed());
    await until(async () => (await runTool(env, 'verify')).code === 0, 60_000);
    rmSync(folder, { recursive: true });
  });
});
