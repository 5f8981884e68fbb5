import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, it } from 'vitest';
import type { FeedPage } from '../../contract/feed.ts';
import {
  freshMongoDatabase,
  freshMysqlDatabase,
  freshMysqlUser,
  freshName,
  mysqlStatement,
} from '../services/databases.ts';
import { onPath } from '../services/install.ts';
import { whenThisProcessEnds } from '../services/own-process.ts';
import { freePort } from '../services/ports.ts';
import { serviceUrl } from '../services/urls.ts';
import { until } from '../wait.ts';
import { apiAt } from './api.ts';
import type { ToolResult } from './run-tool.ts';

/*
 * docs/operations.md, followed to the letter: each line of its shell blocks is run in a shell, with nothing changed but names and
 * places that are another's. A line that nothing here runs fails the last test.
 */

const page = readFileSync('docs/operations.md', 'utf8');
const lines = [...page.matchAll(/^```sh\n(.*?)^```/gms)]
  .flatMap(([, block = '']) => block.split('\n'))
  .map((line) => line.replace(/\s+# .*/, '').trim())
  .filter((line) => line !== '');
const taken = new Set<string>();

/** The line of the page that begins so. */
function line(begin: string): string {
  const found = lines.find((each) => each === begin) ?? lines.find((each) => each.startsWith(begin));
  if (found === undefined) throw new Error(`No line of docs/operations.md begins with "${begin}"`);
  taken.add(found);
  return found;
}

/** Somebody who has the page before them, in one shell: what they export stays. */
function operator(places: Readonly<Record<string, string>>, variables: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), 'tagwire-operator-'));
  // Nothing of ours but what a shell has anyway: all that is set comes from the page.
  const { PATH = '', LANG = '' } = process.env;
  const env = { PATH, LANG, HOME: folder, ...variables };
  const exported: string[] = [];
  let server: ChildProcess | undefined;
  const signal = (name: NodeJS.Signals) => server?.pid !== undefined && process.kill(-server.pid, name);
  const release = whenThisProcessEnds(() => signal('SIGKILL'));

  function typed(begin: string, words: Readonly<Record<string, string>> = {}): string {
    let text = line(begin);
    for (const [there, here] of Object.entries({ ...places, ...words })) text = text.replaceAll(there, here);
    return text;
  }
  function exports(begin: string): void {
    exported.push(typed(begin));
  }
  function run(begin: string, words?: Readonly<Record<string, string>>): Promise<ToolResult> {
    const script = [...exported, typed(begin, words)].join('\n');
    return new Promise((resolve) => {
      execFile('bash', ['-c', script], { env }, (error, out, err) => {
        resolve({ code: error === null ? 0 : Number(error.code), out, err });
      });
    });
  }
  /** Starts what runs until it is stopped, and waits for what it says. */
  async function start(begin: string, says: RegExp): Promise<void> {
    const child = spawn('bash', ['-c', [...exported, typed(begin)].join('\n')], { env, detached: true });
    server = child;
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += String(text)));
    await until(() => {
      if (child.exitCode !== null) throw new Error(`"${begin}" ended with ${child.exitCode}:\n${said}`);
      return says.test(said);
    }, 120_000);
  }
  /** Ctrl+C, which a terminal sends to all that runs in it. */
  async function stop(): Promise<void> {
    if (server !== undefined && server.exitCode === null) {
      const gone = once(server, 'close');
      signal('SIGINT');
      await gone;
    }
    server = undefined;
  }
  async function leave(): Promise<void> {
    await stop();
    release();
    rmSync(folder, { recursive: true, force: true });
  }
  return { folder, exports, run, start, stop, [Symbol.asyncDispose]: leave };
}

type Operator = ReturnType<typeof operator>;

type Deployment = {
  readonly host: string;
  /** By which browsers come. */
  readonly name: string;
  start(): Promise<void>;
  /** Runs a statement in the database of the write model, behind the server's back. */
  sql(statement: string): Promise<unknown>;
  /** What an operator fears. */
  destroy(): Promise<unknown>;
  /** By which lines it is backed up, and restored. */
  readonly copies: readonly (readonly [backup: string, restore: string])[];
};

const BY_NPM = ['npm run backup', 'npm run restore'] as const;
const IN_CONTAINER = ['docker compose exec -T server node', 'docker compose run --rm -T server node'] as const;
/** What runs in a container runs as well outside of it, on the same services. */
const OF_THE_CONTAINER = { 'docker compose exec -T server ': '', 'docker compose run --rm -T server ': '' };

/** What both deployments are looked after by. */
async function lookAfter(at: Operator, { host, name, start, sql, destroy, copies }: Deployment): Promise<void> {
  const api = apiAt(`http://${host}`);
  const headers = { Host: name };
  const feed = async () => (await api.request('/api/feeds/kept', { headers })).json<FeedPage>();
  const contents = async () => (await feed()).posts?.map(({ content }) => content);
  const dead = async () =>
    Number(/^tagwire_dead_letters (\d+)/m.exec((await at.run('curl -fsS http://127.0.0.1:8080/metrics')).out)?.[1]);

  await start();
  expect(await at.run('curl -fsS http://127.0.0.1:8080/healthz')).toMatchObject({ code: 0 });
  expect(JSON.parse((await at.run('curl -sS http://127.0.0.1:8080/readyz')).out)).toMatchObject({ ready: true });
  expect(await dead()).toBe(0);

  await api.create({ content: 'before the backup #kept', author: 'Ada' }, headers);
  await until(async () => (await contents())?.length === 1, 20_000);
  expect(await at.run('npm run verify')).toMatchObject({ code: 0 });

  await sql(`INSERT INTO outbox (id, topic, message_key, payload, metadata, created_at)
             VALUES ('poison', 'posts.created', 'k', '{"no":"post"}', '{}', ${Date.now()})`);
  await until(async () => (await dead()) === 1, 40_000);
  expect((await at.run('npm run dead-letters')).out).toMatch(/^poison {2}.*\n1 dead letter$/m);
  expect((await at.run('npm run dead-letters -- show', { '<id>': 'poison' })).out).toContain('"no": "post"');
  expect(await at.run('npm run dead-letters -- replay', { '<id|all>': 'poison' })).toMatchObject({ code: 0 });
  await until(async () => (await dead()) === 1, 40_000);
  expect((await at.run('npm run dead-letters -- drop', { '<id|all>': 'all' })).out).toMatch(/^Dropped \d+$/m);
  expect(await at.run('npm run rebuild')).toMatchObject({ code: 0 });

  for (const [backup, restore] of copies) {
    expect(await at.run(backup, OF_THE_CONTAINER)).toMatchObject({ code: 0 });
    await api.create({ content: 'after the backup #kept', author: 'Ada' }, headers);
    await at.stop();
    await destroy();
    expect(await at.run(restore, OF_THE_CONTAINER)).toMatchObject({ code: 0 });
    await start();
    await until(async () => (await contents())?.length === 1, 20_000);
    expect(await contents()).toEqual(['before the backup #kept']);
    expect(await at.run('npm run verify')).toMatchObject({ code: 0 });
  }
  await at.stop();
}

const noCurl = onPath('curl') === undefined;
const missing = noCurl || (['mysql', 'mongo', 'nats'] as const).some((kind) => !serviceUrl(kind));

describe('docs/operations.md', { timeout: 300_000 }, () => {
  const undo = new AsyncDisposableStack();
  afterAll(() => undo.disposeAsync());

  it('starts the app', async () => {
    const port = String(await freePort());
    const at = undo.use(operator({}, { PORT: port, CI: 'true' }));
    // .ci/run and the step `build` have done so; here it would take the modules away under those who run.
    line('npm ci && npm run build');
    await at.start('npm start', /Tagwire is at (\S+)/);
    expect(await (await fetch(`http://localhost:${port}/`)).text()).toContain('<title>');
    await at.stop();
  });

  it.skipIf(noCurl)('looks after a server that is alone', async () => {
    const port = String(await freePort());
    const host = `127.0.0.1:${port}`;
    const data = mkdtempSync(join(tmpdir(), 'tagwire-operations-'));
    undo.defer(() => rmSync(data, { recursive: true, force: true }));
    const places = { '/var/lib/tagwire': data, '127.0.0.1:8080': host, 'tagwire-backup.db': join(data, 'away.db') };
    const at = undo.use(operator(places, { PORT: port }));
    at.exports('export DATA_DIR=');
    await lookAfter(at, {
      host,
      name: host,
      start: () => at.start('npm run server', /Tagwire is ready/),
      copies: [BY_NPM],
      sql: async (statement) => {
        using database = new DatabaseSync(join(data, 'write.db'), { timeout: 5_000 });
        database.exec(statement);
      },
      destroy: async () => {
        for (const end of ['', '-wal', '-shm']) rmSync(join(data, `write.db${end}`), { force: true });
      },
    });
  });

  it.skipIf(missing)('looks after a shared server', async () => {
    const mysql = undo.use(await freshMysqlDatabase());
    const mongo = undo.use(await freshMongoDatabase());
    const user = undo.use(await freshMysqlUser(mysql));
    const port = String(await freePort());
    const host = `127.0.0.1:${port}`;
    const places = {
      'mysql://user:password@db:3306/tagwire': user.url,
      'mongodb://user:password@db:27017/tagwire': mongo.url,
      'nats://user:password@db:4222': serviceUrl('nats') ?? '',
      '0.0.0.0': '127.0.0.1', // a test opens no door
      '127.0.0.1:8080': host,
    };
    const at = undo.use(operator(places, { PORT: port, NATS_PREFIX: freshName('t').slice(0, 30) }));
    Object.assign(places, { 'tagwire-backup.db': join(at.folder, 'away.db') });
    for (const variable of ['MYSQL_URL', 'MONGO_URL', 'NATS_URL', 'PUBLIC_URL']) at.exports(`export ${variable}=`);
    await lookAfter(at, {
      host,
      name: 'tagwire.example',
      start: () => at.start('HOST=0.0.0.0 npm run server', /Tagwire is ready/),
      copies: [BY_NPM, IN_CONTAINER],
      sql: (statement) => mysqlStatement(mysql.url, statement),
      destroy: async () => {
        await mysqlStatement(mysql.url, `DROP DATABASE ${mysql.name}`);
        await mysqlStatement(serviceUrl('mysql') ?? '', `CREATE DATABASE ${mysql.name} CHARACTER SET utf8mb4`);
      },
    });
  });

  it('makes a password for Docker Compose', async () => {
    const at = undo.use(operator({ '> .env': '' }, {}));
    expect((await at.run('echo "TAGWIRE_PASSWORD=')).out).toMatch(/^TAGWIRE_PASSWORD=[0-9a-f]{32}\n$/);
  });

  // They make images and take ports and volumes of this machine; tests/compose.test.ts looks at what they read.
  const needDocker = lines.filter(
    (each) => each.startsWith('docker ') && !IN_CONTAINER.some((run) => each.startsWith(run)),
  );
  it.skip.each(needDocker)('needs a Docker engine: %s', () => undefined);

  it('names scripts that are there', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
    const named = [...page.matchAll(/`npm run ([\w:-]+)/g)].map(([, name = '']) => name);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
    expect([...page.matchAll(/\b(?:server|deploy)\/[\w./-]*\w\.\w+/g)].filter(([path]) => !existsSync(path))).toEqual(
      [],
    );
  });

  it.skipIf(missing)('has no line in a shell block that was not run', () => {
    expect(lines.filter((each) => !taken.has(each) && !needDocker.includes(each))).toEqual([]);
  });
});
