import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { readWholeSqliteFile } from './sqlite-file.ts';
import { planSqlitePostsMigrations } from './sqlite-post-store.ts';

export type BackupOptions = {
  readonly file: string;
  readonly signal: AbortSignal;
  readonly progress: (done: number, total: number) => void;
};

/** A backup can't be made or brought back; the message says why and what to do. */
export class BackupError extends Error {
  override readonly name = 'BackupError';
}

/** What is kept: all tables of the write model, those first that others refer to. */
export const TABLES = ['posts', 'post_revisions', 'outbox', 'dead_letters', 'idempotency_keys'] as const;

/** Makes a file that must not exist: under its name only when it is whole and on the disk. */
export async function makeBackupFile(file: string, fill: (partial: string) => Promise<void>): Promise<number> {
  if (existsSync(file)) throw new BackupError(`${file} is there already; name another file.`);
  const partial = `${file}.part`;
  rmSync(partial, { force: true });
  try {
    closeSync(openSync(partial, 'wx', 0o600));
    await fill(partial);
    const posts = mustBeBackup(partial);
    const handle = openSync(partial, 'r');
    fsyncSync(handle);
    closeSync(handle);
    renameSync(partial, file);
    return posts;
  } catch (error) {
    for (const end of ['', '-wal', '-shm', '-journal']) rmSync(`${partial}${end}`, { force: true });
    throw error;
  }
}

/** How many posts it holds. Throws `BackupError` where it is no backup, or a broken one, and `DatabaseTooNew`. */
export function mustBeBackup(file: string): number {
  if (!existsSync(file)) throw new BackupError(`There is no file ${file}.`);
  try {
    readWholeSqliteFile(file);
    planSqlitePostsMigrations(file);
    using backup = new DatabaseSync(file, { readOnly: true });
    return Number(backup.prepare('SELECT count(*) AS posts FROM posts').get()?.['posts']);
  } catch (error) {
    if (error instanceof Error && error.name === 'Error') {
      throw new BackupError(`${file} is not a whole backup of Tagwire: ${error.message}`, { cause: error });
    }
    throw error;
  }
}
