import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { StoreFull } from './post-store.ts';
import { openSqliteDatabase } from './sqlite-database.ts';
import { SQLITE_MIGRATIONS } from './sqlite-migrations.ts';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'tagwire-full-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('says of every command of a group that there is no room, and takes them when there is', async () => {
  const database = openSqliteDatabase(join(folder, 'write.db'), SQLITE_MIGRATIONS);
  const { connection } = database;
  const pages = Number(connection.prepare('PRAGMA page_count').get()?.page_count);
  const insert = (id: string) => () =>
    connection
      .prepare('INSERT INTO idempotency_keys VALUES (?, ?, ?, ?)')
      .run(id, 'x'.repeat(20_000), 'post', '2026-01-01T00:00:00.000Z');
  connection.exec(`PRAGMA max_page_count = ${pages}`);

  const results = await Promise.allSettled(['a', 'b', 'c'].map((id) => database.write(insert(id))));

  for (const result of results) expect(result.status === 'rejected' && result.reason).toBeInstanceOf(StoreFull);

  connection.exec('PRAGMA max_page_count = 100000');
  await Promise.all(['a', 'b', 'c'].map((id) => database.write(insert(id))));
  database.check();
  database.close();
});
