import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openSqlitePosts, planSqlitePostsMigrations } from '../posts/sqlite-post-store.ts';
import { BACKUPS_KEPT, backUpBeforeUpgrade } from './backup.ts';

const logger = pino({ level: 'silent' });

describe('before an upgrade of the schema', () => {
  it('the posts are copied, those that are only in the write-ahead log too', async () => {
    const { file, backUp } = await withPosts(1);
    const path = (await backUp({ isPending: () => true })) ?? expect.unreachable();
    const copy = new DatabaseSync(path, { readOnly: true });
    expect(copy.prepare('SELECT content FROM posts').all()).toEqual([{ content: 'post 1 #kept' }]);
    copy.close();
    // And the copy is a database that this release opens.
    expect(planSqlitePostsMigrations(path).pending).toEqual([]);
    expect(path).not.toBe(file);
  });

  it('nothing is copied where there is none due, or nothing to copy', async () => {
    const { folder, backUp } = await withPosts(1);
    expect(await backUp({ isPending: (path) => planSqlitePostsMigrations(path).pending.length > 0 })).toBeUndefined();
    expect(await backUp({ file: join(folder, 'gone.db'), isPending: () => true })).toBeUndefined();
    expect(readdirSync(folder)).not.toContain('backups');
  });

  it('a copy that fails stops the upgrade', async () => {
    const { folder, backUp } = await withPosts(1);
    await expect(
      backUp({ directory: join(folder, 'write.db', 'inside a file'), isPending: () => true }),
    ).rejects.toThrow();
  });

  it('only the newest copies are kept', async () => {
    const { folder, backUp } = await withPosts(1);
    for (let day = 1; day <= BACKUPS_KEPT + 2; day++) {
      await backUp({ isPending: () => true, now: () => new Date(Date.UTC(2026, 0, day)) });
    }
    const names = readdirSync(join(folder, 'backups')).sort();
    expect(names).toHaveLength(BACKUPS_KEPT);
    expect(names[0]).toContain('2026-01-03');
  });
});

async function withPosts(count: number) {
  const folder = mkdtempSync(join(tmpdir(), 'tagwire-backup-'));
  const file = join(folder, 'write.db');
  const posts = openSqlitePosts({ path: file, logger });
  onTestFinished(async () => {
    await posts.close();
    rmSync(folder, { recursive: true, force: true });
  });
  for (let number = 1; number <= count; number++) {
    await posts.store.create({ title: '', content: `post ${number} #kept`, author: 'Ada' });
  }
  const backUp = (change: Partial<Parameters<typeof backUpBeforeUpgrade>[0]>) =>
    backUpBeforeUpgrade({
      file,
      directory: join(folder, 'backups'),
      isPending: () => false,
      now: () => new Date(),
      logger,
      ...change,
    });
  return { folder, file, backUp };
}
