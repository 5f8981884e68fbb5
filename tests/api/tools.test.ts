import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startServer, type TestServer } from '../e2e/server.ts';
import { until } from '../wait.ts';
import { apiAt } from './api.ts';

type Result = { readonly code: number; readonly out: string; readonly err: string };

vi.setConfig({ testTimeout: 60_000 });

let server: TestServer;

beforeAll(async () => {
  server = await startServer({ LOG_LEVEL: 'silent' });
  const api = apiAt(server.url);
  for (let n = 0; n < 5; n += 1) await api.create({ title: `post ${n}`, content: '#tools', author: 'Ada' });
  await until(async () => (await api.request('/api/feeds/tools')).json<{ total: number }>().total === 5, 5_000);
}, 30_000);
afterAll(() => server.stop());

/** Runs a tool beside the server, on its data. */
function run(tool: string, ...argv: string[]): Promise<Result> {
  const env = { ...process.env, DATA_DIR: server.dataDir };
  return new Promise((resolve) => {
    execFile(process.execPath, [join('server', 'cli', `${tool}.ts`), ...argv], { env }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

/** Changes a database file behind the server's back. */
function tamper(file: string, sql: string): void {
  const database = new DatabaseSync(join(server.dataDir, file), { timeout: 5_000 });
  database.exec(sql);
  database.close();
}

describe('npm run verify and rebuild', () => {
  it('find nothing wrong where nothing is', async () => {
    const { code, out } = await run('verify');
    expect(out).toBe('The read model is what the write model says: 5 posts, deleted ones included.\n');
    expect(code).toBe(0);
  });

  it('find what is wrong, and mend it beside the running server', async () => {
    tamper('read.db', "UPDATE feeds SET posts = 99 WHERE name = 'tools'");

    const found = await run('verify');
    expect(found).toMatchObject({ code: 1 });
    expect(found.out).toContain('feed #tools: its count is 99, but it holds 5 posts');

    const mended = await run('rebuild');
    expect(mended).toMatchObject({ code: 0 });
    expect(mended.out).toContain('Feeds counted anew: #tools');
    expect((await run('verify')).code).toBe(0);
    expect((await apiAt(server.url).request('/api/feeds/tools')).json()).toMatchObject({ total: 5 });
  });
});

describe('npm run dead-letters', () => {
  const ids = async () => [...(await run('dead-letters')).out.matchAll(/^(\S+) {2}/gm)].map(([, id]) => String(id));

  it('lists, shows, replays and drops what no handler could deal with', async () => {
    const now = Date.now();
    tamper(
      'write.db',
      `INSERT INTO outbox (id, topic, message_key, payload, metadata, created_at)
       VALUES ('poison', 'posts.created', 'k', '{"no":"post"}', '{}', ${now})`,
    );
    await until(async () => (await ids()).includes('poison'), 10_000);

    const list = await run('dead-letters', 'list');
    expect(list.out).toMatch(
      /^poison {2}.*posts\.created {2}projector:posts\.created: .*is not an event of a post\n1 dead letter\n$/,
    );
    const shown = JSON.parse((await run('dead-letters', 'show', 'poison')).out) as object;
    expect(shown).toMatchObject({ message: { id: 'poison', payload: { no: 'post' } } });

    expect(await run('dead-letters', 'replay', 'poison')).toMatchObject({ code: 0, out: 'Replayed poison\n' });
    await until(async () => (await ids()).length === 1 && !(await ids()).includes('poison'), 10_000);

    expect(await run('dead-letters', 'drop', 'all')).toMatchObject({ code: 0, out: 'Dropped 1\n' });
    expect((await run('dead-letters')).out).toBe('0 dead letters\n');
    expect(await run('dead-letters', 'drop', 'poison')).toMatchObject({ code: 1 });
  });
});

describe('a tool that is called wrongly', () => {
  it('says how it is to be called', async () => {
    const { code, err } = await run('dead-letters', 'reply', 'all');
    expect(code).toBe(2);
    expect(err).toContain('Usage: npm run dead-letters -- <command>');
  });

  it('makes no data where there is none', async () => {
    const nowhere = join(server.dataDir, 'nowhere');
    const { code, err } = await run('verify', '--data-dir', nowhere);
    expect(code).toBe(2);
    expect(err).toContain(`There is no Tagwire data in ${nowhere}`);
  });
});
