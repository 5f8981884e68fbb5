import { setTimeout as sleep } from 'node:timers/promises';
import { createPool, type Pool, type PoolConnection } from 'mysql2/promise';
import type { Logger } from 'pino';
import { kindOf } from '../messaging/errors.ts';
import { retry } from '../messaging/retry.ts';
import type { Migration } from './migrations.ts';
import { isAccessRefused, isLockConflict, MysqlAccessRefused, typed } from './mysql-errors.ts';
import { migrateMysql } from './mysql-migrate.ts';
import { inTransaction, sessionOf, withConnection, type MysqlSession, type SqlValue } from './mysql-session.ts';
import { parseMysqlUrl, type MysqlAddress } from './mysql-url.ts';
import { StoreUnavailable } from './post-store.ts';

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

const CONNECT_LIMIT_MS = 5_000;
/** Seconds that InnoDB waits for a row lock; less than a statement's limit. */
const LOCK_WAIT_S = 5;
/** Callers that wait for a connection at most; the next is refused at once. */
const QUEUE_LIMIT = 2_000;
const LOCK_CONFLICT_ATTEMPTS = 8;
const FAREWELL_LIMIT_MS = 2_000;

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
  const refused = (error: unknown): never => {
    if (!(error instanceof StoreUnavailable && isAccessRefused(error.cause))) throw error;
    throw new MysqlAccessRefused(`MySQL at ${address.label} refuses access. ${error.message}`, { cause: error });
  };
  try {
    await retry(() => database.reported(() => migrateMysql(pool, address, migrations)).catch(refused), {
      maxMs: 5_000,
      signal,
    });
    return database;
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
      const known = typed(error);
      if (kindOf(known) === 'outage' && available && !closed) {
        logger.warn({ mysql: label, reason: String(known) }, 'MySQL does not answer; trying again until it does');
        available = false;
      }
      throw known;
    } finally {
      underWay.delete(working);
    }
  }

  /** Again, if InnoDB undoes it because of others and `mayRepeat` says yes. */
  function repeated<T>(work: (connection: PoolConnection) => Promise<T>, mayRepeat = () => true): Promise<T> {
    return reported(async () => {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await withConnection(pool, work);
        } catch (error) {
          if (!isLockConflict(error) || attempt >= LOCK_CONFLICT_ATTEMPTS || !mayRepeat()) throw error;
          await sleep(Math.random() * 10 * attempt);
        }
      }
    });
  }

  /** A statement outside of a transaction is one by itself, and committed with its answer. */
  function alone<T>(work: (session: MysqlSession) => Promise<T>): Promise<T> {
    return repeated((connection) => work(sessionOf(connection)));
  }

  return {
    reported,
    rows: <Row>(sql: string, values?: readonly SqlValue[]) => alone((session) => session.rows<Row>(sql, values)),
    run: (sql: string, values?: readonly SqlValue[]) => alone((session) => session.run(sql, values)),
    transaction: <T>(work: (session: MysqlSession) => Promise<T>, mayRepeat?: () => boolean) =>
      repeated((connection) => inTransaction(connection, work), mayRepeat),
    async close() {
      if (closed) return;
      closed = true;
      await Promise.allSettled(underWay);
      // A database that is frozen never says good-bye.
      await Promise.race([pool.end(), sleep(FAREWELL_LIMIT_MS, undefined, { ref: false })]);
    },
  };
}
