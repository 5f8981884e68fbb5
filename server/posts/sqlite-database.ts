import { existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { planMigrations, type Migration, type MigrationPlan } from './migrations.ts';
import { StoreFull, StoreUnavailable } from './post-store.ts';
import { isSqliteBroken, isSqliteFull, isSqliteUnavailable, lookAtSqliteFile } from './sqlite-file.ts';

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
  /** Throws where the file is gone, broken, or can't take a write now. */
  check(): void;
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
const IN_MEMORY = ':memory:';
/** With less room than this on the disk, in bytes, a check tries a write. */
const LITTLE_ROOM = 4 * 1024 * 1024;

/**
 * Opens (and makes, if needed) a database file, or `:memory:`, and brings its schema up to date in one transaction.
 * Throws `DatabaseTooNew` for a file of a later release, `StoreUnavailable` where the file can't be opened.
 */
export function openSqliteDatabase(path: string, migrations: readonly Migration[]): SqliteDatabase {
  const connection = open(path, migrations);

  const [begin, commit] = ['BEGIN IMMEDIATE', 'COMMIT'].map((sql) => connection.prepare(sql));
  const [save, release, undo] = ['SAVEPOINT one', 'RELEASE one', 'ROLLBACK TO one'].map((s) => connection.prepare(s));
  const waiting: WaitingCommand[] = [];
  /** The last write found the disk full. */
  let wasFull = false;
  /** What a read or write met that no waiting mends. */
  let broken: Error | undefined;

  function unlessUnavailable<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw noted(error);
    }
  }

  function noted(error: unknown): unknown {
    const known = asUnavailable(error, path);
    if (known instanceof StoreFull) wasFull = true;
    else if (known instanceof StoreUnavailable && isSqliteBroken(known.cause)) broken = known;
    return known;
  }

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
        wasFull = false;
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
      if (!connection.isTransaction) throw error; // SQLite has given up the whole of it (disk full): all commands fail
      undo?.run();
      release?.run();
      return () => reject(noted(error));
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
    check() {
      whileOpen(() => {
        if (broken) throw broken;
        if (path !== IN_MEMORY) lookAtSqliteFile(path);
        if (wasFull || hasLittleRoom(path)) transaction(() => connection.exec(touch(connection)));
      });
    },
    close() {
      if (!connection.isOpen) return;
      while (waiting.length > 0) commitGroup();
      connection.close();
    },
  };
}

function open(path: string, migrations: readonly Migration[]): DatabaseSync {
  let connection: DatabaseSync | undefined;
  try {
    connection = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
    connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON');
    migrate(connection, migrations);
    return connection;
  } catch (error) {
    connection?.close();
    throw asUnavailable(error, path);
  }
}

/** What opening this file would do to it: lets the desktop make a copy before an upgrade. Changes nothing. */
export function planSqliteMigrations(path: string, migrations: readonly Migration[]): MigrationPlan {
  if (!existsSync(path)) return planMigrations(migrations, 0);
  try {
    using connection = new DatabaseSync(path, { readOnly: true });
    return planMigrations(migrations, schemaVersion(connection));
  } catch (error) {
    throw asUnavailable(error, path);
  }
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

/** Writes the file's first page as it is: the smallest write that needs room like any other. */
function touch(connection: DatabaseSync): string {
  return `PRAGMA user_version = ${schemaVersion(connection)}`;
}

function hasLittleRoom(path: string): boolean {
  if (path === IN_MEMORY) return false;
  const { bavail, bsize } = statfsSync(dirname(path));
  return bavail * bsize < LITTLE_ROOM;
}

function asUnavailable(error: unknown, path: string): unknown {
  if (error instanceof StoreUnavailable || !isSqliteUnavailable(error)) return error;
  const { message } = error;
  if (isSqliteFull(error)) {
    return new StoreFull(`There is no room left for ${path}: ${message}.`, { cause: error });
  }
  if (isSqliteBroken(error)) {
    return new StoreUnavailable(`${path} is broken (${message}); npm run restore brings a backup back.`, {
      cause: error,
    });
  }
  return new StoreUnavailable(`The database can't be used: ${message}.`, { cause: error });
}
