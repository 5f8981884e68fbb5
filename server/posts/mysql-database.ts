import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createPool, type Pool, type PoolConnection } from 'mysql2/promise';
import type { Logger } from 'pino';
import { planMigrations, type Migration } from './migrations.ts';
import {
  asUnavailable,
  isAccessRefused,
  isConnectionLost,
  isLockConflict,
  MysqlAccessRefused,
} from './mysql-errors.ts';
import { parseMysqlUrl, type MysqlAddress } from './mysql-url.ts';
import { StoreUnavailable } from './post-store.ts';

/** A value of a statement. mysql2 sends numbers as DOUBLE, which MySQL refuses in LIMIT: write that into the SQL. */
export type SqlValue = string | number | null;

/** Statements on one connection; they are prepared once per connection. */
export interface MysqlSession {
  rows<Row>(sql: string, values?: readonly SqlValue[]): Promise<Row[]>;
  /** Returns the number of rows that were inserted, deleted or found to be updated. */
  run(sql: string, values?: readonly SqlValue[]): Promise<number>;
}

/** A pool of connections. Throws `StoreUnavailable` where the database can't be reached, and is back when that is. */
export interface MysqlDatabase extends MysqlSession {
  /**
   * Runs `work` in a READ COMMITTED transaction: again, if InnoDB undoes it because of others and `mayRepeat` says
   * yes. A connection that is lost during COMMIT throws `StoreUnavailable`: nobody knows whether it was committed.
   */
  transaction<T>(work: (session: MysqlSession) => Promise<T>, mayRepeat?: () => boolean): Promise<T>;
  close(): Promise<void>;
}

export type MysqlDatabaseOptions = {
  readonly url: string;
  readonly migrations: readonly Migration[];
  readonly logger: Logger;
  readonly poolSize: number;
  /** Ends the wait for a database that is not up yet. */
  readonly signal?: AbortSignal;
};

/** After this long, in ms, a statement counts as lost with its connection: the network may swallow packets silently. */
const STATEMENT_LIMIT_MS = 10_000;
const CONNECT_LIMIT_MS = 5_000;
const ACQUIRE_LIMIT_MS = 10_000;
/** Seconds that InnoDB waits for a row lock; less than a statement's limit. */
const LOCK_WAIT_S = 5;
/** Callers that wait for a connection at most; the next is refused at once. */
const QUEUE_LIMIT = 2_000;
const LOCK_CONFLICT_ATTEMPTS = 8;
const MIGRATION_WAIT_S = 120;
const RETRY_MS = { min: 200, max: 5_000 };

/**
 * Connects, waiting as long as it takes for the database to come up, and brings the schema up to date. Throws
 * `InvalidMysqlUrl`, `MysqlAccessRefused`, `DatabaseTooNew`, and the signal's reason.
 */
export async function openMysqlDatabase(options: MysqlDatabaseOptions): Promise<MysqlDatabase> {
  const address = parseMysqlUrl(options.url);
  const { migrations, logger, signal } = options;
  const pool = createPool({
    ...address.options,
    charset: 'utf8mb4',
    connectTimeout: CONNECT_LIMIT_MS,
    connectionLimit: options.poolSize,
    queueLimit: QUEUE_LIMIT,
    enableKeepAlive: true,
    keepAliveInitialDelay: 10_000,
  });
  pool.pool.on('connection', (connection) => {
    // Strict mode: a text that does not fit is an error, never cut. A failure here shows in the next statement.
    const setup =
      `SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; SET SESSION innodb_lock_wait_timeout = ${LOCK_WAIT_S}; ` +
      "SET SESSION sql_mode = CONCAT(@@SESSION.sql_mode, ',STRICT_ALL_TABLES')";
    for (const statement of setup.split('; ')) connection.query(statement, () => undefined);
  });

  const database = pooledDatabase(pool, address, logger);
  try {
    for (let attempt = 0; ; attempt += 1) {
      try {
        await database.reported(() => migrate(pool, address, migrations));
        return database;
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error;
        if (isAccessRefused(error.cause)) {
          throw new MysqlAccessRefused(`MySQL at ${address.label} refuses access. ${error.message}`, { cause: error });
        }
      }
      const ceiling = Math.min(RETRY_MS.max, RETRY_MS.min * 2 ** attempt);
      await sleep(ceiling * (0.5 + 0.5 * Math.random()), undefined, { signal });
    }
  } catch (error) {
    await database.close();
    throw signal?.aborted ? signal.reason : error;
  }
}

function pooledDatabase(pool: Pool, { label }: MysqlAddress, logger: Logger) {
  let available = true;
  let closed = false;
  const underWay = new Set<Promise<unknown>>();

  /** Tells the log when the database goes away and when it is back, once each. */
  async function reported<T>(work: () => Promise<T>): Promise<T> {
    if (closed) throw new StoreUnavailable('The connection to MySQL is closed.');
    const working = work();
    underWay.add(working);
    try {
      const result = await working;
      if (!available) logger.info({ mysql: label }, 'MySQL answers again');
      available = true;
      return result;
    } catch (error) {
      const known = asUnavailable(error);
      if (known instanceof StoreUnavailable && available && !closed && !isLockConflict(error)) {
        logger.warn({ mysql: label, reason: known.message }, 'MySQL does not answer; trying again until it does');
        available = false;
      }
      throw known;
    } finally {
      underWay.delete(working);
    }
  }

  function alone<T>(work: (session: MysqlSession) => Promise<T>): Promise<T> {
    return reported(() => withConnection(pool, (connection) => work(sessionOf(connection))));
  }

  return {
    reported,
    rows: <Row>(sql: string, values?: readonly SqlValue[]) => alone((session) => session.rows<Row>(sql, values)),
    run: (sql: string, values?: readonly SqlValue[]) => alone((session) => session.run(sql, values)),
    transaction: <T>(work: (session: MysqlSession) => Promise<T>, mayRepeat: () => boolean = () => true) =>
      reported(async () => {
        for (let attempt = 1; ; attempt += 1) {
          try {
            return await withConnection(pool, (connection) => inTransaction(connection, work));
          } catch (error) {
            if (!isLockConflict(error) || attempt >= LOCK_CONFLICT_ATTEMPTS || !mayRepeat()) throw error;
            await sleep(Math.random() * 10 * attempt);
          }
        }
      }),
    async close() {
      if (closed) return;
      closed = true;
      await Promise.allSettled(underWay);
      await pool.end();
    },
  };
}

/** Lends a connection that was seen to be alive; gives it back, or throws it away if it was lost meanwhile. */
async function withConnection<T>(pool: Pool, work: (connection: PoolConnection) => Promise<T>): Promise<T> {
  const connection = await acquire(pool);
  try {
    return await work(connection);
  } catch (error) {
    if (isConnectionLost(error) || error instanceof StoreUnavailable) connection.destroy();
    throw error;
  } finally {
    connection.release();
  }
}

/** A connection, or `StoreUnavailable` where none gets free or is made in time: callers must not queue for minutes. */
async function acquire(pool: Pool): Promise<PoolConnection> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    reject(new StoreUnavailable(`MySQL had no connection to spare within ${ACQUIRE_LIMIT_MS} ms.`));
  }, ACQUIRE_LIMIT_MS);
  const acquiring = pool.getConnection().then((connection) => {
    if (late) connection.release();
    return connection;
  });
  try {
    return await Promise.race([acquiring, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

async function inTransaction<T>(connection: PoolConnection, work: (session: MysqlSession) => Promise<T>): Promise<T> {
  await limited(connection, connection.query('START TRANSACTION'));
  try {
    const result = await work(sessionOf(connection));
    await limited(connection, connection.query('COMMIT'));
    return result;
  } catch (error) {
    // A connection that can't even roll back is thrown away, which rolls back too.
    if (!isConnectionLost(error))
      await limited(connection, connection.query('ROLLBACK')).catch(() => connection.destroy());
    throw error;
  }
}

function sessionOf(connection: PoolConnection): MysqlSession {
  return {
    async rows<Row>(sql: string, values: readonly SqlValue[] = []) {
      const [rows] = await limited(connection, connection.execute(sql, [...values]));
      return rows as Row[];
    },
    async run(sql, values = []) {
      const [result] = await limited(connection, connection.execute(sql, [...values]));
      return (result as { affectedRows: number }).affectedRows;
    },
  };
}

async function limited<T>(connection: PoolConnection, answer: Promise<T>, limitMs = STATEMENT_LIMIT_MS): Promise<T> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    connection.destroy();
    reject(new StoreUnavailable(`MySQL did not answer within ${limitMs} ms.`));
  }, limitMs);
  try {
    return await Promise.race([answer, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/** One process at a time goes through the steps; a step that a crash cut in two is run again from its beginning. */
async function migrate(pool: Pool, { database }: MysqlAddress, migrations: readonly Migration[]): Promise<void> {
  // Lock names are the server's, not the database's, and at most 64 characters long.
  const lock = `tagwire:${createHash('sha256').update(database).digest('hex').slice(0, 32)}`;
  await withConnection(pool, async (connection) => {
    const limitMs = (MIGRATION_WAIT_S + 10) * 1_000;
    const query = async (sql: string, values: SqlValue[] = []) => {
      const [rows] = await limited(connection, connection.query(sql, values), limitMs);
      return rows as Record<string, unknown>[];
    };
    const [locked] = await query('SELECT GET_LOCK(?, ?) AS got', [lock, MIGRATION_WAIT_S]);
    if (locked?.got !== 1) throw new StoreUnavailable('Another process has been changing the schema for a long time.');
    try {
      await query(
        'CREATE TABLE IF NOT EXISTS schema_migrations (version INT NOT NULL PRIMARY KEY, name VARCHAR(200) NOT NULL, ' +
          'applied_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4',
      );
      const [applied] = await query('SELECT COALESCE(MAX(version), 0) AS version FROM schema_migrations');
      for (const { version, name, sql } of planMigrations(migrations, Number(applied?.version)).pending) {
        for (const statement of sql) await query(statement);
        await query('INSERT INTO schema_migrations (version, name) VALUES (?, ?)', [version, name]);
      }
    } finally {
      await query('DO RELEASE_LOCK(?)', [lock]).catch(() => connection.destroy());
    }
  });
}
