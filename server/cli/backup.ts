import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { backUpMysql } from '../posts/mysql-backup.ts';
import { backUpSqlite } from '../posts/sqlite-backup.ts';
import { dataFiles } from '../data-folder.ts';
import { toStandardOutput } from './piped.ts';
import { EXIT, runTool, UsageError } from './tool.ts';

/*
 * `npm run backup -- [FILE]`: a copy of the write model as it is at one moment, beside running servers. A SQLite file of the
 * same form for both deployments, so that what was kept of the one can be restored to the other.
 */

const USAGE = `Usage: npm run backup -- [FILE]
  Copies all posts, their history and what is on its way into FILE, which must not exist; without it, into a
  file of its own in the folder "backups" of DATA_DIR; where FILE is "-", to standard output, by way of the folder
  for temporary files. Servers may go on meanwhile.`;

await runTool({ usage: USAGE, things: 'rows' }, async ({ config, words, signal, say, progress }) => {
  if (words.length > 1) throw new UsageError(USAGE);
  const { services, dataDir } = config;
  const { backups, writeFile } = dataFiles(dataDir);
  const copyTo = (file: string): Promise<number> => {
    const options = { file, signal, progress };
    return services ? backUpMysql(services.mysql, options) : backUpSqlite(writeFile, options);
  };
  if (words[0] === '-') {
    if (process.stdout.isTTY) throw new UsageError('A terminal is no place for a backup: add > FILE.');
    await toStandardOutput(copyTo);
    return EXIT.done;
  }
  if (words[0] === undefined) mkdirSync(backups, { recursive: true, mode: 0o700 });
  const file = words[0] ?? join(backups, `tagwire-${new Date().toISOString().replaceAll(':', '-')}.db`);
  say(`${await copyTo(file)} posts, deleted ones included, are in ${file}`);
  return EXIT.done;
});
