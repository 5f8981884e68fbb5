import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pino from 'pino';
import type { ReadModelPlace } from './read-model.contract.ts';
import type { ReadModel } from './read-model.ts';
import { openSqliteReadModel } from './sqlite-read-model.ts';

const logger = pino({ level: 'silent' });

/** A read model in a file of its own. */
export async function newSqlitePlace(): Promise<ReadModelPlace & { readonly path: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'read-model-'));
  const path = join(folder, 'read.db');
  const open: ReadModel[] = [];
  const closeAll = () => Promise.all(open.splice(0).map((readModel) => readModel.close()));
  return {
    path,
    open: async (clock) => {
      const readModel = await openSqliteReadModel({ path, clock, logger });
      open.push(readModel);
      return readModel;
    },
    wipe: async () => {
      await closeAll();
      await Promise.all(['', '-wal', '-shm'].map((end) => rm(path + end, { force: true })));
    },
    miscount: async (feed, by) => {
      const database = new DatabaseSync(path);
      database.prepare('UPDATE feeds SET posts = posts + ? WHERE name = ?').run(by, feed);
      database.close();
    },
    dispose: async () => {
      await closeAll();
      await rm(folder, { recursive: true });
    },
  };
}
