import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { describeDeadLetters } from './dead-letters.contract.ts';
import { DatabaseTooNew } from './migrations.ts';
import { describeOutbox } from './outbox.contract.ts';
import { describePostStore } from './post-store.contract.ts';
import { StoreUnavailable, type WriteModel } from './post-store.ts';
import { openSqlitePosts, planSqlitePostsMigrations } from './sqlite-post-store.ts';
import { created, newPost, type DatabaseUnderTest } from './write-model-under-test.ts';

const logger = pino({ level: 'silent' });

describePostStore('a SQLite file', sqliteFile);
describeOutbox('a SQLite file', sqliteFile);
describeDeadLetters('a SQLite file', sqliteFile);

describe('a SQLite write model', () => {
  it('works in memory', async () => {
    const { store, close } = openSqlitePosts({ path: ':memory:', logger });
    const post = await created(store);
    expect(await store.get(post.id)).toEqual(post);
    await close();
  });

  it('writes with full durability into a write-ahead log', async () => {
    await using place = await sqliteFile();
    const { store } = await place.open();
    await created(store);
    const file = new DatabaseSync(place.path, { readOnly: true });
    expect(file.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
    file.close();
  });

  it('commits what was asked for before it was closed', async () => {
    await using place = await sqliteFile();
    const { store, close } = await place.open();
    const creates = Array.from({ length: 5 }, () => store.create(newPost()));
    await close();
    await Promise.all(creates);
    expect(await (await place.open()).store.count()).toBe(5);
  });

  it('keeps exactly two rows of a create: the post and its event', async () => {
    await using place = await sqliteFile();
    const { store } = await place.open();
    await created(store);
    expect(rowCounts(place.path)).toEqual({
      posts: 1,
      post_revisions: 0,
      outbox: 1,
      idempotency_keys: 0,
      dead_letters: 0,
    });
  });

  it('erases the texts of a deleted post, those of its history too', async () => {
    await using place = await sqliteFile();
    const { store } = await place.open();
    const { id } = await created(store);
    await store.update(id, { content: 'Second' });
    await store.delete(id);
    expect(rowCounts(place.path)).toMatchObject({ posts: 1, post_revisions: 0 });
  });

  it('refuses a file of a later release, and leaves it alone', async () => {
    await using place = await sqliteFile();
    const file = new DatabaseSync(place.path);
    file.exec('PRAGMA user_version = 1000');
    file.close();
    await expect(place.open()).rejects.toBeInstanceOf(DatabaseTooNew);
  });

  it('refuses a path where no file can be', async () => {
    await using place = await sqliteFile();
    expect(() => openSqlitePosts({ path: join(place.path, 'no', 'such', 'folder'), logger })).toThrow(StoreUnavailable);
  });

  it('says before it opens a file what it would do to its schema', async () => {
    await using place = await sqliteFile();
    const before = planSqlitePostsMigrations(place.path);
    await place.open();
    const after = planSqlitePostsMigrations(place.path);
    expect([before.current, before.pending.length, after.current, after.pending.length]).toEqual([0, 1, 1, 0]);
  });

  it('is open to a second process that only looks or keeps house', async () => {
    await using place = await sqliteFile();
    const server = await place.open();
    const tool = await place.open();
    const post = await created(server.store);
    expect(await tool.store.get(post.id)).toEqual(post);
  });
});

async function sqliteFile(): Promise<DatabaseUnderTest & { readonly path: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'tagwire-posts-'));
  const path = join(folder, 'write.db');
  const opened: WriteModel[] = [];
  return {
    path,
    async open(options) {
      const posts = openSqlitePosts({ path, logger, ...options });
      opened.push(posts);
      return posts;
    },
    async [Symbol.asyncDispose]() {
      for (const { close } of opened) await close();
      await rm(folder, { recursive: true });
    },
  };
}

function rowCounts(path: string): Record<string, number> {
  const file = new DatabaseSync(path, { readOnly: true });
  try {
    const count = (table: string) => Number(file.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n);
    const tables = ['posts', 'post_revisions', 'outbox', 'idempotency_keys', 'dead_letters'];
    return Object.fromEntries(tables.map((table) => [table, count(table)]));
  } finally {
    file.close();
  }
}
