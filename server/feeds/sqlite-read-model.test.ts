import { DatabaseSync } from 'node:sqlite';
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { DatabaseTooNew } from '../posts/migrations.ts';
import { readModelContract } from './read-model.contract.ts';
import { dumpOf, expectedDump, written } from './read-model.fixtures.ts';
import { ReadModelUnavailable } from './read-model.ts';
import { rebuildContract } from './rebuild.contract.ts';
import { newSqlitePlace } from './sqlite-place.fixtures.ts';
import { openSqliteReadModel } from './sqlite-read-model.ts';

readModelContract('SQLite', newSqlitePlace);
rebuildContract('SQLite', newSqlitePlace);

describe('the SQLite read model', () => {
  const clock = () => new Date();

  async function withDatabase(work: (place: Awaited<ReturnType<typeof newSqlitePlace>>) => Promise<void>) {
    const place = await newSqlitePlace();
    try {
      await work(place);
    } finally {
      await place.dispose();
    }
  }

  function run(path: string, sql: string): void {
    const database = new DatabaseSync(path);
    database.exec(sql);
    database.close();
  }

  it('puts entries right that do not agree with the posts', () =>
    withDatabase(async (place) => {
      const states = [written('a', ['x', 'y']), written('b', ['x'])];
      const readModel = await place.open(clock);
      await readModel.apply(states);
      run(
        place.path,
        `DELETE FROM entries WHERE feed = 'y';
         INSERT INTO entries VALUES ('x', '2020-01-01T00:00:00.000Z', 'a'), ('stray', '2026', 'gone')`,
      );
      expect((await readModel.recount()).sort()).toEqual(['stray', 'x', 'y']);
      expect(await dumpOf(readModel)).toEqual(expectedDump(states));
      expect(await readModel.recount()).toEqual([]);
    }));

  it('keeps what it has over a restart, in the version it had', () =>
    withDatabase(async (place) => {
      const readModel = await place.open(clock);
      await readModel.apply([written('a', ['x'])]);
      const before = [await readModel.feedSnapshot('x'), await readModel.feedsSnapshot()];
      await readModel.close();
      const again = await place.open(clock);
      expect([await again.feedSnapshot('x'), await again.feedsSnapshot()]).toEqual(before);
    }));

  it(
    'says that it is unavailable while another process holds the file, and where there is no file to be had',
    () =>
      withDatabase(async (place) => {
        const readModel = await place.open(clock);
        const other = new DatabaseSync(place.path);
        other.exec('BEGIN IMMEDIATE');
        await expect(readModel.apply([written('a', ['x'])])).rejects.toThrow(ReadModelUnavailable);
        other.exec('ROLLBACK');
        other.close();
        await readModel.apply([written('a', ['x'])]);
        const path = `${place.path}/no/folder`;
        await expect(openSqliteReadModel({ path, clock, logger: pino({ level: 'silent' }) })).rejects.toThrow(
          ReadModelUnavailable,
        );
      }),
    20_000,
  );

  it('refuses a file of a later release, and leaves it as it is', () =>
    withDatabase(async (place) => {
      await (await place.open(clock)).close();
      run(place.path, 'PRAGMA user_version = 99');
      await expect(place.open(clock)).rejects.toThrow(DatabaseTooNew);
    }));
});
