import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync, backup } from 'node:sqlite';
import type { Logger } from 'pino';

export type BackupOptions = {
  /** The write model's file. The read model can be made anew from it. */
  readonly file: string;
  readonly directory: string;
  /** Whether opening the file will change its schema. Throws where it may not be opened at all. */
  readonly isPending: (file: string) => boolean;
  readonly now: () => Date;
  readonly logger: Logger;
};

/** So many are kept, the newest ones. */
export const BACKUPS_KEPT = 5;

/**
 * Copies the posts before an upgrade changes their schema: `backups/write-<time>.db`, a whole database that an older
 * release can open. Returns its path, or `undefined` when no upgrade is due. Throws when the copy can't be made:
 * then there must be no upgrade either.
 */
export async function backUpBeforeUpgrade(options: BackupOptions): Promise<string | undefined> {
  const { file, directory, isPending, now, logger } = options;
  if (!existsSync(file) || !isPending(file)) return undefined;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, `write-${now().toISOString().replaceAll(':', '-')}.db`);
  const source = new DatabaseSync(file, { readOnly: true });
  try {
    // SQLite's own copy is consistent, whatever the write-ahead log holds. Under its final name only when complete.
    await backup(source, `${path}.part`);
  } finally {
    source.close();
  }
  await rename(`${path}.part`, path);
  logger.info({ path }, 'the posts were backed up before the upgrade');
  await removeOld(directory);
  return path;
}

async function removeOld(directory: string): Promise<void> {
  const names = (await readdir(directory)).filter((name) => /^write-.*\.db$/.test(name)).sort();
  for (const name of names.slice(0, -BACKUPS_KEPT)) await rm(join(directory, name));
}
