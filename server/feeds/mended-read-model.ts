import { existsSync, renameSync, rmSync } from 'node:fs';
import { isSqliteBroken, isSqliteGone, readWholeSqliteFile } from '../posts/sqlite-file.ts';
import { ReadModelIncomplete, ReadModelUnavailable, type ReadModel } from './read-model.ts';
import { openSqliteReadModel, type SqliteReadModelOptions } from './sqlite-read-model.ts';

/**
 * The read model in a SQLite file that is put aside when it is found to be broken or gone, now or later, and begun anew:
 * it is then empty and not complete, and whoever watches over that (catch-up.ts) fills it from the write model.
 * Throws as {@link openSqliteReadModel} does.
 */
export async function openMendedReadModel(options: SqliteReadModelOptions): Promise<ReadModel> {
  const { path, logger } = options;
  let current = await openOrBeginAnew();
  let mending: Promise<void> | undefined;

  async function openOrBeginAnew(): Promise<ReadModel> {
    try {
      if (existsSync(path)) readWholeSqliteFile(path);
      return await openSqliteReadModel(options);
    } catch (error) {
      if (!isBeyondUse(error)) throw error;
      putAside(error);
      return openSqliteReadModel(options);
    }
  }

  async function beginAnew(reason: unknown): Promise<void> {
    await current.close();
    putAside(reason);
    current = await openSqliteReadModel(options);
  }

  /** The one that was put aside before goes: two of them tell no more than one. */
  function putAside(reason: unknown): void {
    const aside = `${path}.broken`;
    for (const file of [aside, `${path}-wal`, `${path}-shm`]) rmSync(file, { force: true });
    if (existsSync(path)) renameSync(path, aside);
    const why = reason instanceof Error ? reason.message : String(reason);
    logger.error(
      { path, aside, reason: why },
      'The read model is broken and put aside; it is made anew from the posts',
    );
  }

  const mended = async (name: keyof ReadModel, given: unknown[]): Promise<unknown> => {
    await mending;
    const asked = current;
    try {
      return await (asked[name] as (...given: unknown[]) => Promise<unknown>)(...given);
    } catch (error) {
      if (!isBeyondUse(error)) throw error;
      if (asked === current) {
        mending ??= beginAnew(error).finally(() => (mending = undefined));
        await mending;
      }
      throw new ReadModelIncomplete('The read model was broken and is made anew.', { cause: error });
    }
  };
  const methods = (Object.keys(current) as (keyof ReadModel)[]).map((name) => [
    name,
    (...given: unknown[]) => mended(name, given),
  ]);
  return {
    ...(Object.fromEntries(methods) as ReadModel),
    dump: () => current.dump(),
    isComplete: async () => {
      await mended('ping', []); // a file that was deleted or written over goes on working in memory
      return current.isComplete();
    },
  };
}

function isBeyondUse(error: unknown): boolean {
  const reason = error instanceof ReadModelUnavailable ? error.cause : error;
  return isSqliteBroken(reason) || isSqliteGone(reason);
}
