import { backup, DatabaseSync } from 'node:sqlite';
import { makeBackupFile, type BackupOptions } from './backup-file.ts';

/** SQLite's own online copy, which is consistent whatever is written meanwhile. Gives back how many posts it holds. */
export function backUpSqlite(writeFile: string, { file, progress }: BackupOptions): Promise<number> {
  return makeBackupFile(file, async (partial) => {
    using source = new DatabaseSync(writeFile, { readOnly: true });
    await backup(source, partial, {
      rate: 1_000,
      progress: ({ totalPages, remainingPages }) => progress(totalPages - remainingPages, totalPages),
    });
  });
}
