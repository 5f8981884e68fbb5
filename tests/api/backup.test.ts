import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { afterAll, expect, it, vi } from 'vitest';
import type { FeedPage } from '../../contract/feed.ts';
import { TABLES } from '../../server/posts/backup-file.ts';
import { SQLITE_MIGRATIONS } from '../../server/posts/sqlite-migrations.ts';
import { startServer } from '../e2e/server.ts';
import { until } from '../wait.ts';
import { apiAt } from './api.ts';
import { runTool } from './run-tool.ts';

vi.setConfig({ testTimeout: 300_000 });

const folder = mkdtempSync(join(tmpdir(), 'tagwire-backup-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('is of all tables that there are', () => {
  const made = SQLITE_MIGRATIONS.flatMap(({ sql }) => sql).flatMap((sql) => /CREATE TABLE (\w+)/.exec(sql)?.[1] ?? []);
  expect([...TABLES].sort()).toEqual(made.sort());
});

it('is consistent while posts are written, and brings all back to a database that was destroyed', async () => {
  await using server = await startServer({ LOG_LEVEL: 'silent' });
  const api = apiAt(server.url);
  const env = { DATA_DIR: server.dataDir };
  const feed = async () => (await api.request('/api/feeds/kept')).json<FeedPage>();
  for (let n = 0; n < 20; n += 1) await api.create({ content: `${n} #kept`, author: 'Ada' });
  let writing = true;
  const load = (async () => {
    while (writing) await api.create({ content: 'meanwhile #load', author: 'Ada' });
  })();

  const file = join(folder, 'kept.db');
  const made = await runTool(env, 'backup', file);
  writing = false;
  await load;

  expect(made).toMatchObject({ code: 0 });
  expect(made.out).toMatch(/^\d+ posts, deleted ones included, are in /);
  expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
  using kept = new DatabaseSync(file, { readOnly: true });
  const { posts, orphans } = kept
    .prepare(
      `SELECT (SELECT count(*) FROM posts) AS posts,
       (SELECT count(*) FROM outbox WHERE message_key NOT IN (SELECT id FROM posts)) AS orphans`,
    )
    .get() as { posts: number; orphans: number };
  expect(orphans).toBe(0);
  expect((await runTool(env, 'backup', file)).err).toContain('is there already; name another file');

  // Beside a server it is refused; and only --replace puts aside what is there.
  expect(await runTool(env, 'restore', file, '--replace')).toMatchObject({ code: 1 });
  await server.terminate();
  expect((await runTool(env, 'restore', file)).err).toContain('with --replace they are put aside');
  writeFileSync(join(server.dataDir, 'write.db'), 'destroyed '.repeat(2_000));
  expect(await runTool(env, 'restore', file, '--replace')).toMatchObject({ code: 0 });
  expect(readdirSync(server.dataDir).some((name) => name.startsWith('write.db.before-restore-'))).toBe(true);

  await server.start();
  await until(async () => (await feed()).total === 20, 20_000);
  expect((await runTool(env, 'verify')).out).toContain(`${posts} posts`);
});

const TOOLS = `"${process.execPath}" server/cli`;

it.skipIf(process.platform === 'win32')('goes through pipes whole, and one that was cut off is refused', async () => {
  await using server = await startServer({ LOG_LEVEL: 'silent' });
  const api = apiAt(server.url);
  for (let n = 0; n < 60; n += 1) await api.create({ content: `${n} ${'text '.repeat(1_500)}#piped`, author: 'Ada' });
  const run = (command: string) =>
    promisify(execFile)('/bin/sh', ['-c', command], { env: { ...process.env, DATA_DIR: server.dataDir } });
  const file = join(folder, 'piped.db');

  await run(`${TOOLS}/backup.ts - | (sleep 1; cat) > ${file}`);
  expect(statSync(file).size).toBeGreaterThan(400_000);
  await server.terminate();
  await expect(run(`head -c 300000 ${file} | ${TOOLS}/restore.ts - --replace`)).rejects.toThrow(/not a whole backup/);
  rmSync(join(server.dataDir, 'write.db'));
  await run(`${TOOLS}/restore.ts - --replace < ${file}`);

  await server.start();
  await until(async () => (await api.request('/api/feeds/piped')).json<FeedPage>().total === 60, 20_000);
});
