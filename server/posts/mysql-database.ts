import { setTimeout as sleep } from 'node:timers/promises';
import { createPool, type Pool, type PoolConnection } from 'mysql2/promise';
import type { Logger } from 'pino';
import { kindOf } from '../messaging/errors.ts';
import { retry } from '../messaging/retry.ts';
import { tlsRefusal } from '../messaging/tls-refusal.ts';
import type { Migration } from './migrations.ts';
import { isAccessRefused, MysqlAccessRefused, typed } from './mysql-errors.ts';
import { migrateMysql } from './mysql-migrate.ts';
import { inTransaction, sessionOf, withConnection, type MysqlSession } from './mysql-session.ts';
import { parseMysqlUrl, type MysqlAddress } from './mysql-url.ts';
import { StoreFull, StoreUnavailable } from './post-store.ts';
import type { SqlDatabase, Work } from './sql.ts';

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
const MAX_CONFLICTS = 8;
const FAREWELL_LIMIT_MS = 2_000;

/**
 * A pool of connections to MySQL or MariaDB. Connects, waiting as long as it takes for the database to come up, and brings the schema up to date. Throws
 * `InvalidMysqlUrl`, `MysqlAccessRefused`, `DatabaseTooNew`, and the signal's reason.
 */
export async function openMysqlDatabase(options: MysqlDatabaseOptions): Promise<SqlDatabase> {
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
    if (!(error instanceof StoreUnavailable && (isAccessRefused(error.cause) || tlsRefusal(error)))) throw error;
    throw new MysqlAccessRefused(`MySQL at ${address.label} refuses access. ${error.message}`, { cause: error });
  };
  try {
    await retry(() => database.reported(() => migrateMysql(pool, address, migrations)).catch(refused), {
      maxMs: 5_000,
      signal,
      onRetry: (error, tried) => {
        if (tried === 1 && error instanceof StoreFull)
          logger.warn({ reason: String(error) }, 'waiting for room in MySQL');
      },
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
      // One that is full answers; each request that it refuses is logged.
      if (kindOf(known) === 'outage' && !(known instanceof StoreFull) && available && !closed) {
        logger.warn({ mysql: label, reason: String(known) }, 'MySQL does not answer; trying again until it does');
        available = false;
      }
      throw known;
    } finally {
      underWay.delete(working);
    }
  }

  /** Again, where others had to go first. */
  function repeated<T>(work: (connection: PoolConnection) => Promise<T>, maxConflicts = MAX_CONFLICTS): Promise<T> {
    const typedWork = () =>
      withConnection(pool, work).catch((error: unknown) => {
        throw typed(error);
      });
    return reported(() => retry(typedWork, { initialMs: 5, maxMs: 100, maxConflicts, maxOutages: 1 }));
  }

  return {
    reported,
    write: <T>(work: () => Work<T>, maxConflicts?: number) =>
      repeated((connection) => inTransaction(connection, (session) => carryOut(session, work())), maxConflicts),
    // A statement outside of a transaction is one by itself, and committed with its answer.
    writeLazily: <T>(work: () => Work<T>) => repeated((connection) => carryOut(sessionOf(connection), work())),
    read: <T>(work: () => Work<T>) => repeated((connection) => carryOut(sessionOf(connection), work())),
    async check() {
      await repeated((connection) => sessionOf(connection).rows('SELECT 1'));
    },
    dialect: { forUpdate: 'FOR UPDATE', keepFirst: 'ON DUPLICATE KEY UPDATE id = id' },
    async close() {
      if (closed) return;
      closed = true;
      await Promise.allSettled(underWay);
      // A database that is frozen never says good-bye.
      await Promise.race([pool.end(), sleep(FAREWELL_LIMIT_MS, undefined, { ref: false })]);
    },
  };
}

async function carryOut<T>(session: MysqlSession, work: Work<T>): Promise<T> {
  let step = work.next();
  while (!step.done) {
    const { sql, values, gives } = step.value;
    step = work.next(gives === 'rows' ? await session.rows(sql, values) : await session.run(sql, values));
  }
  return step.value;
}
