import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { closeSync, copyFileSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { execFileSync } from 'node:child_process';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FeedPage } from '../../contract/feed.ts';
import { readConfig } from '../../server/config.ts';
import { startServer } from '../../server/server.ts';
import { startServer as startProcess } from '../e2e/server.ts';
import { onPath } from '../services/install.ts';
import { until } from '../wait.ts';
import { apiAt, type Api } from './api.ts';

// A busy machine may take long to start a process.
vi.setConfig({ testTimeout: 120_000 });

let dataDir: string;
beforeEach(() => (dataDir = mkdtempSync(join(tmpdir(), 'tagwire-storage-'))));
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const file = (name: string) => join(dataDir, name);

/** A server of this process on the folder of the test. */
async function serve(lines: string[] = []): Promise<Api & AsyncDisposable> {
  const logger = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
  const server = await startServer(readConfig({ PORT: '0', DATA_DIR: dataDir }), { logger });
  return { ...apiAt(server.url), [Symbol.asyncDispose]: () => server.close(500) };
}

/** A server's life with some posts in it, so that the files hold something. */
async function someHistory(): Promise<void> {
  await using api = await serve();
  for (let n = 0; n < 40; n += 1) await api.create({ content: `${n} ${'text '.repeat(200)}#kept`, author: 'Ada' });
  await until(async () => (await totalOf(api)) === 40, 10_000);
}

async function totalOf({ request }: Api): Promise<number> {
  return (await request('/api/feeds/kept')).json<FeedPage>().total;
}

async function partOf({ request }: Api, name: string): Promise<{ ok: boolean; detail?: string } | undefined> {
  const { parts } = (await request('/readyz')).json<{ parts: Record<string, { ok: boolean; detail?: string }> }>();
  return parts[name];
}

/** Writes what no database wrote. */
function overwrite(name: string, ...offsets: number[]): void {
  const handle = openSync(file(name), 'r+');
  for (const offset of offsets) writeSync(handle, Buffer.alloc(16, 0xa5), 0, 16, offset);
  closeSync(handle);
}

const DAMAGE: [string, (name: string) => void][] = [
  ['its head is written over', (name) => overwrite(name, 20, 120)],
  ['its first bytes are written over', (name) => overwrite(name, 0)],
  ['a page in the middle is written over', (name) => overwrite(name, 4096 * 2, 4096 * 3, 4096 * 4)],
  ['its end is cut off', (name) => truncateSync(file(name), statSync(file(name)).size - 4096 * 2)],
  ['it is no database', (name) => writeFileSync(file(name), 'no database '.repeat(2_000))],
];

describe('a read model', () => {
  it.each(DAMAGE)('is put aside and made anew at the start when %s', async (_, damage) => {
    await someHistory();
    damage('read.db');
    const lines: string[] = [];

    await using api = await serve(lines);

    expect(await totalOf(api)).toBe(40);
    expect(existsSync(file('read.db.broken'))).toBe(true);
    expect(lines.join('')).toContain('The read model is broken and put aside');
  });

  it.each([
    ['its head is written over', () => overwrite('read.db', 20, 120)],
    ['it is deleted', () => ['', '-wal', '-shm'].forEach((end) => rmSync(file(`read.db${end}`), { force: true }))],
  ])('is made anew under a running server when %s, and never empty meanwhile', async (_, damage) => {
    await someHistory();
    await using api = await serve();
    damage();

    await until(() => existsSync(file('read.db')) && statSync(file('read.db-wal')).size > 0, 5_000);
    await until(async () => {
      const answer = await api.request('/api/feeds/kept');
      if (answer.status === 200) expect(answer.json<FeedPage>().total).toBe(40);
      return answer.status === 200 && (await partOf(api, 'projection'))?.ok === true;
    }, 10_000);
    using fresh = new DatabaseSync(file('read.db'), { readOnly: true });
    expect(fresh.prepare('SELECT count(*) AS n FROM posts').get()).toMatchObject({ n: 40 });
  });
});

describe('a broken write model', () => {
  it.each(DAMAGE)('ends the start with its path and the newest backup when %s', async (_, damage) => {
    await someHistory();
    mkdirSync(file('backups'));
    copyFileSync(file('write.db'), file('backups/write-2026.db'));
    damage('write.db');

    const started = serve();

    await expect(started).rejects.toThrow(file('write.db'));
    await expect(started).rejects.toThrow(`npm run restore -- ${file('backups/write-2026.db')}`);
  });

  it('is one that is gone, too, while the read model is there', async () => {
    await someHistory();
    rmSync(file('write.db'));
    await expect(serve()).rejects.toThrow(/write\.db can't be read: it is gone.*There is no backup/);
  });

  it.each([
    ['its head is written over', () => overwrite('write.db', 20, 120)],
    ['it is deleted', () => rmSync(file('write.db'))],
  ])('is not called ready when %s under a running server', async (_, damage) => {
    await someHistory();
    await using api = await serve();
    damage();

    await until(async () => (await partOf(api, 'writeModel'))?.ok === false, 5_000);
    expect((await api.request('/readyz')).status).toBe(503);
  });
});

describe.skipIf(process.platform === 'win32')('a disk that is full', () => {
  /** The system lets the process write so many bytes into a file; `prlimit` can change that while it runs. */
  const limitFiles = (pid: number, bytes: number | 'unlimited') =>
    execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`]);
  const hasPrlimit = onPath('prlimit') !== undefined;

  it.skipIf(!hasPrlimit)('answers writes with 507 and is not ready at once, until there is room again', async () => {
    await someHistory();
    await using server = await startProcess({ DATA_DIR: dataDir });
    const api = apiAt(server.url);
    const write = () => api.request('/api/posts', { method: 'POST', body: { content: '#kept', author: 'Ada' } });
    expect((await write()).status).toBe(201);

    limitFiles(server.pid, 1024);
    const refused = await write();

    expect(refused.problem()).toMatchObject({ status: 507, type: 'urn:tagwire:problem:storage-full' });
    expect(await partOf(api, 'writeModel')).toMatchObject({
      ok: false,
      detail: expect.stringContaining(`no room left for ${file('write.db')}`) as string,
    });
    expect((await api.request('/api/feeds/kept')).status).toBe(200);

    limitFiles(server.pid, 'unlimited');
    await until(async () => (await api.request('/readyz')).status === 200, 10_000);
    expect((await write()).status).toBe(201);
    await until(async () => (await totalOf(api)) === 42, 10_000);
  });
});

describe('the data folder', () => {
  it.skipIf(process.platform === 'win32')(
    'holds files for its owner alone, also where it was there before',
    async () => {
      chmodSync(dataDir, 0o755);
      writeFileSync(file('read.db'), '', { mode: 0o644 });
      writeFileSync(file('write.db'), '', { mode: 0o666 });
      await someHistory();
      await using api = await serve();
      expect(await totalOf(api)).toBe(40);

      const modes = readdirSync(dataDir).map((name) => [name, (statSync(file(name)).mode & 0o777).toString(8)]);
      expect(modes.filter(([, mode]) => mode !== '600')).toEqual([]);
      expect(modes.length).toBeGreaterThan(4);
    },
  );

  it('lets no second server in when the lock file is deleted', async () => {
    await using api = await serve();
    expect((await api.request('/healthz')).status).toBe(200);
    for (const end of ['', '-journal', '-wal', '-shm']) rmSync(file(`lock.db${end}`), { force: true });

    await expect(serve()).rejects.toThrow(/Another Tagwire is running on the data folder/);
  });
});
