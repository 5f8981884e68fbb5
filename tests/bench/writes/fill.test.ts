import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { dataFiles } from '../../../server/data-folder.ts';
import { openSqliteReadModel } from '../../../server/feeds/sqlite-read-model.ts';
import { verify } from '../../../server/feeds/verify.ts';
import { openSqlitePosts } from '../../../server/posts/sqlite-post-store.ts';
import { fillSqlite } from './fill-sqlite.ts';
import { checkOldPosts, oldPost, TAGS } from './posts.ts';

const logger = pino({ level: 'silent' });
const POSTS = 900;

it('makes old posts whose tags and words are those that the server finds in them', () => {
  expect(() => checkOldPosts(POSTS)).not.toThrow();
});

it('fills SQLite as if every post had been written and projected', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tagwire-fill-'));
  try {
    await fillSqlite(folder, POSTS);
    const { writeFile, readFile } = dataFiles(folder);
    const { store, close } = openSqlitePosts({ path: writeFile, logger });
    const readModel = await openSqliteReadModel({ path: readFile, clock: () => new Date(), logger });

    const differences = [];
    for await (const difference of verify({ store, readModel })) differences.push(difference);
    expect([differences, await store.count()]).toEqual([[], POSTS]);
    expect((await readModel.feeds()).feeds.length).toBe(TAGS.length);
    expect((await readModel.search(String(POSTS - 1))).posts).toEqual([oldPost(POSTS - 1)]);

    await readModel.close();
    await close();
  } finally {
    await rm(folder, { recursive: true });
  }
});
