import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { planMigrations, type Migration, type MigrationPlan } from './migrations.ts';
import { StoreUnavailable } from './post-store.ts';

/** One SQLite file with full durability. All work on it is synchronous, so no two transactions ever overlap. */
export interface SqliteDatabase {
  readonly connection: DatabaseSync;
  /** Runs a query; database errors that are no bug of ours come as `StoreUnavailable`. */
  read<T>(query: () => T): T;
  /**
   * Runs a command in a durable transaction. Commands that arrive in one turn of the event loop (also those that
   * arrived while the previous commit was being written) share one transaction, so one sync of the disk;
   * a command that throws is undone alone. Resolves after the commit.
   */
  write<T>(command: () => T): Promise<T>;
  /** Runs a command in its own transaction at once, without waiting for the disk: a power cut may undo it. */
  writeLazily<T>(command: () => T): T;
  /** Commits what waits, and closes the file. */
  close(): void;
}

type WaitingCommand = {
  readonly run: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
};

/** Commands in one transaction at most, so that the event loop is never held for long. */
const MAX_GROUP = 500;
/** How long, in ms, to wait for another process (a command line tool) that writes to the same file. */
const BUSY_TIMEOUT_MS = 5_000;
/** SQLite's primary result codes (sqlite.org/rescode.html) that say the file can't be used now: busy, locked, read-only, I/O, full, can't open. */
const UNAVAILABLE_CODES = new Set([5, 6, 8, 10, 13, 14]);

/**
 * Opens (and makes, if needed) a database file, or `:memory:`, and brings its schema up to date in one transaction.
 * Throws `DatabaseTooNew` for a file of a later release, `StoreUnavailable` where the file can't be opened.
 */
export function openSqliteDatabase(path: string, migrations: readonly Migration[]): SqliteDatabase {
  const connection = unlessUnavailable(() => new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS }));
  try {
    unlessUnavailable(() => {
      connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON');
      migrate(connection, migrations);
    });
  } catch (error) {
    connection.close();
    throw error;
  }

  const [begin, commit] = ['BEGIN IMMEDIATE', 'COMMIT'].map((sql) => connection.prepare(sql));
  const [save, release, undo] = ['SAVEPOINT one', 'RELEASE one', 'ROLLBACK TO one'].map((s) => connection.prepare(s));
  const waiting: WaitingCommand[] = [];

  function whileOpen<T>(work: () => T): T {
    if (!connection.isOpen) throw new StoreUnavailable('The database is closed.');
    return unlessUnavailable(work);
  }

  function transaction<T>(work: () => T): T {
    return unlessUnavailable(() => {
      begin?.run();
      try {
        const result = work();
        commit?.run();
        return result;
      } catch (error) {
        if (connection.isTransaction) connection.exec('ROLLBACK');
        throw error;
      }
    });
  }

  /** Runs one command of a group, and returns how to settle it once the group is committed. */
  function runAlone({ run, resolve, reject }: WaitingCommand): () => void {
    save?.run();
    try {
      const value = run();
      release?.run();
      return () => resolve(value);
    } catch (error) {
      undo?.run(); // Throws where SQLite has given up the whole transaction (disk full): then all commands fail.
      release?.run();
      return () => reject(asUnavailable(error));
    }
  }

  function commitGroup(): void {
    const group = waiting.splice(0, MAX_GROUP);
    if (group.length === 0) return;
    if (waiting.length > 0) setImmediate(commitGroup);
    try {
      const settle = transaction(() => group.map(runAlone));
      for (const tell of settle) tell();
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }

  return {
    connection,
    read: whileOpen,
    write: <T>(command: () => T) =>
      new Promise<T>((resolve, reject) => {
        if (!connection.isOpen) return reject(new StoreUnavailable('The database is closed.'));
        waiting.push({ run: command, resolve: resolve as (value: unknown) => void, reject });
        if (waiting.length === 1) setImmediate(commitGroup);
      }),
    writeLazily: <T>(command: () => T) =>
      whileOpen(() => {
        // In WAL mode NORMAL can lose the last commits in a power cut, but never damages the file.
        connection.exec('PRAGMA synchronous = NORMAL');
        try {
          return transaction(command);
        } finally {
          connection.exec('PRAGMA synchronous = FULL');
        }
      }),
    close() {
      if (!connection.isOpen) return;
      while (waiting.length > 0) commitGroup();
      connection.close();
    },
  };
}

/** What opening this file would do to it: lets the desktop make a copy before an upgrade. Changes nothing. */
export function planSqliteMigrations(path: string, migrations: readonly Migration[]): MigrationPlan {
  if (!existsSync(path)) return planMigrations(migrations, 0);
  return unlessUnavailable(() => {
    const connection = new DatabaseSync(path, { readOnly: true });
    try {
      return planMigrations(migrations, schemaVersion(connection));
    } finally {
      connection.close();
    }
  });
}

function migrate(connection: DatabaseSync, migrations: readonly Migration[]): void {
  if (planMigrations(migrations, schemaVersion(connection)).pending.length === 0) return;
  connection.exec('BEGIN IMMEDIATE');
  try {
    // Asked again, under the lock: another process may have been faster.
    for (const { version, sql } of planMigrations(migrations, schemaVersion(connection)).pending) {
      for (const statement of sql) connection.exec(statement);
      connection.exec(`PRAGMA user_version = ${version}`);
    }
    connection.exec('COMMIT');
  } catch (error) {
    if (connection.isTransaction) connection.exec('ROLLBACK');
    throw error;
  }
}

function schemaVersion(connection: DatabaseSync): number {
  return Number(connection.prepare('PRAGMA user_version').get()?.user_version);
}

function unlessUnavailable<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw asUnavailable(error);
  }
}

function asUnavailable(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { errcode, code } = error as Error & { errcode?: number; code?: string };
  // The low byte of an extended result code is the primary one.
  const refused = errcode !== undefined && UNAVAILABLE_CODES.has(errcode & 0xff);
  const closed = code === 'ERR_INVALID_STATE';
  return refused || closed
    ? new StoreUnavailable(`The database can't be used: ${error.message}.`, { cause: error })
    : error;
}
