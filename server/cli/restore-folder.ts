import { copyFileSync, existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { openDataFolder } from '../data-folder.ts';
import { BackupError, mustBeBackup } from '../posts/backup-file.ts';

export type Restored = { readonly posts: number; readonly aside?: string };

/**
 * Puts a backup in the place of the posts of a data folder that no server uses. What was there, broken or not, is put aside
 * and not deleted. Throws `BackupError` and `DataFolderError`.
 */
export function restoreFolder(directory: string, { file, replace }: { file: string; replace: boolean }): Restored {
  const posts = mustBeBackup(file);
  const folder = openDataFolder(directory, { evenBroken: true });
  const { writeFile, readFile } = folder;
  try {
    const isThere = statSync(writeFile).size > 0;
    if (isThere && !replace)
      throw new BackupError(`There are posts in ${writeFile}; with --replace they are put aside.`);
    const aside = `${writeFile}.before-restore-${new Date().toISOString().replaceAll(':', '-')}`;
    copyFileSync(file, `${writeFile}.part`);
    for (const end of ['', '-wal', '-shm']) {
      if (isThere && existsSync(`${writeFile}${end}`)) renameSync(`${writeFile}${end}`, `${aside}${end}`);
      else rmSync(`${writeFile}${end}`, { force: true });
      rmSync(`${readFile}${end}`, { force: true });
    }
    renameSync(`${writeFile}.part`, writeFile);
    return { posts, ...(isThere && { aside }) };
  } finally {
    folder.release();
  }
}
