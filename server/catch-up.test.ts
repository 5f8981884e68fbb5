import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Backend } from './backend.ts';
import { catchUp } from './catch-up.ts';
import { openEmbedded } from './embedded.ts';

const logger = pino({ level: 'silent' });
let dataDir: string;
const signal = new AbortController().signal;

beforeEach(() => (dataDir = mkdtempSync(join(tmpdir(), 'tagwire-catch-up-'))));
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

async function opened(): Promise<Backend & AsyncDisposable> {
  const backend = await openEmbedded({ dataDir, logger });
  return { ...backend, [Symbol.asyncDispose]: backend.close };
}

/** Three posts and a deleted one that the read model has, and no events of theirs any more. */
async function history(backend: Backend): Promise<string> {
  const ids = [];
  for (const title of ['0', '1', '2', '3']) {
    const created = await backend.posts.create({ title, content: '#kept', author: 'Ada' });
    if (created.kind !== 'created') throw new Error('not created');
    ids.push(created.post.id);
  }
  const [gone = ''] = ids;
  await backend.posts.delete(gone);
  const now = new Date(Date.now() + 1);
  const messages = await backend.outbox.stale(10, { madeBefore: now, publishedBefore: now });
  await backend.outbox.confirm(messages.map(({ id }) => id));
  return gone;
}

function inDatabase(name: string, sql: string): void {
  const database = new DatabaseSync(join(dataDir, name));
  database.exec(sql);
  database.close();
}

const titles = async ({ readModel }: Backend) => (await readModel.feed('kept')).posts.map(({ title }) => title);

it('makes a read model anew whose file was deleted, deletions included', async () => {
  const first = await openEmbedded({ dataDir, logger });
  const gone = await history(first);
  await first.close();
  for (const end of ['', '-wal', '-shm']) rmSync(join(dataDir, `read.db${end}`), { force: true });

  await using second = await opened();
  await catchUp(second, { logger, signal });

  expect(await titles(second)).toEqual(['3', '2', '1']);
  expect(await second.readModel.postSnapshot(gone)).toMatchObject({ version: 2, state: null });
});

it('goes on where it was killed, though the read model is not empty any more', async () => {
  await using backend = await opened();
  await history(backend);
  const apply = backend.readModel.apply;
  const dying = { ...backend.readModel, apply: (states: Parameters<typeof apply>[0]) => apply(states.slice(0, 2)) };
  dying.recount = () => Promise.reject(new Error('killed'));
  await expect(catchUp({ ...backend, readModel: dying }, { logger, signal })).rejects.toThrow('killed');
  expect(await titles(backend)).toEqual(['1']);

  await catchUp(backend, { logger, signal });

  expect(await titles(backend)).toEqual(['3', '2', '1']);
});

it('gives posts that were stored under another rule of hashtags the tags of their text', async () => {
  const first = await openEmbedded({ dataDir, logger });
  const created = await first.posts.create({ title: '', content: '#il·lusió #ㅤ #foo\u034fbar', author: 'Ada' });
  if (created.kind !== 'created') throw new Error('not created');
  const old = { ...created.post, tags: ['il', 'ㅤ', 'foo\u034fbar'] };
  await first.readModel.apply([{ post: old, version: 1, deleted: false }]);
  await first.readModel.markComplete();
  await first.close();
  inDatabase('write.db', `UPDATE posts SET tags = '${JSON.stringify(old.tags)}'`);
  inDatabase('read.db', 'PRAGMA user_version = 2');

  await using second = await opened();
  await catchUp(second, { logger, signal });

  const tags = ['il·lusió', 'foobar'];
  expect((await second.posts.get(old.id))?.tags).toEqual(tags);
  expect((await second.readModel.post(old.id))?.tags).toEqual(tags);
  expect((await second.readModel.feeds()).feeds.map(({ name }) => name).sort()).toEqual([...tags].sort());
});

it('leaves a read model alone that was filled once', async () => {
  await using backend = await opened();
  await catchUp(backend, { logger, signal });
  await history(backend);

  await catchUp(backend, { logger, signal });

  expect(await titles(backend)).toEqual([]);
});
