import type { StatementSync } from 'node:sqlite';
import type { Logger } from 'pino';
import { v7 as uuidv7 } from 'uuid';
import type { MigrationPlan } from './migrations.ts';
import type { WriteModel } from './post-store.ts';
import { createOne } from './sql-creates.ts';
import { sqlWriteModel } from './sql-write-model.ts';
import type { SqlDatabase, Work } from './sql.ts';
import { openSqliteDatabase, planSqliteMigrations, type SqliteDatabase } from './sqlite-database.ts';
import { SQLITE_MIGRATIONS } from './sqlite-migrations.ts';

export type SqlitePostsOptions = {
  /** A file, made if it is not there, or `:memory:`. One server process at a time may use a file. */
  readonly path: string;
  readonly logger: Logger;
  /** Makes ids of posts and messages, unique and growing. Default: UUID version 7 (RFC 9562). */
  readonly ids?: () => string;
};

/**
 * Opens the write model on a SQLite file, and upgrades its schema. Marks and confirmations of the outbox do not wait for
 * the disk: one that a power cut undoes means that an event is published again, which changes nothing. Throws
 * `DatabaseTooNew` and `StoreUnavailable`.
 */
export function openSqlitePosts({ path, logger, ids = uuidv7 }: SqlitePostsOptions): WriteModel {
  const database = sqlOn(openSqliteDatabase(path, SQLITE_MIGRATIONS));
  return sqlWriteModel(database, {
    logger,
    ids,
    creates: (_, outbox) => async (create) => {
      const result = await database.write(() => createOne(outbox, create));
      if (result.kind === 'created') outbox.committed([create.change.message]);
      return result;
    },
  });
}

/** What {@link openSqlitePosts} would do to a file: its schema's version and the steps to come. Changes nothing. */
export function planSqlitePostsMigrations(path: string): MigrationPlan {
  return planSqliteMigrations(path, SQLITE_MIGRATIONS);
}

/** Work runs to its end without a pause, so that of two nobody has to go first. */
function sqlOn(database: SqliteDatabase): SqlDatabase {
  const prepared = new Map<string, StatementSync>();

  function statement(sql: string): StatementSync {
    const known = prepared.get(sql) ?? database.connection.prepare(sql);
    prepared.set(sql, known);
    return known;
  }

  function carryOut<T>(work: Work<T>): T {
    let step = work.next();
    while (!step.done) {
      const { sql, values, gives } = step.value;
      const answer = gives === 'rows' ? statement(sql).all(...values) : statement(sql).run(...values).changes;
      step = work.next(answer);
    }
    return step.value;
  }

  return {
    write: (work) => database.write(() => carryOut(work())),
    writeLazily: async (work) => database.writeLazily(() => carryOut(work())),
    read: async (work) => database.read(() => carryOut(work())),
    check: async () => database.check(),
    close: async () => database.close(),
    dialect: { forUpdate: '', keepFirst: 'ON CONFLICT (id) DO NOTHING' },
  };
}
