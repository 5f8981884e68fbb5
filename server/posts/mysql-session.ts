import type { Connection as RawConnection, QueryResult, ResultSetHeader } from 'mysql2';
import type { Pool, PoolConnection } from 'mysql2/promise';
import { isConnectionLost } from './mysql-errors.ts';
import { StoreUnavailable } from './post-store.ts';
import type { SqlValue } from './sql.ts';

/** Statements on one connection; they are prepared once per connection. */
export interface MysqlSession {
  rows<Row>(sql: string, values?: readonly SqlValue[]): Promise<Row[]>;
  /** Returns the number of rows that were inserted, deleted or found to be updated. */
  run(sql: string, values?: readonly SqlValue[]): Promise<number>;
}

/** After this long, in ms, a statement counts as lost with its connection: the network may swallow packets silently. */
const STATEMENT_LIMIT_MS = 10_000;
const ACQUIRE_LIMIT_MS = 10_000;

/** Lends a connection that was seen to be alive; gives it back, or throws it away if it was lost meanwhile. */
export async function withConnection<T>(pool: Pool, work: (connection: PoolConnection) => Promise<T>): Promise<T> {
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

/** Commits what `work` did, or rolls it back and throws what `work` threw. */
export async function inTransaction<T>(
  connection: PoolConnection,
  work: (session: MysqlSession) => Promise<T>,
): Promise<T> {
  await limited(connection, (raw, done) => raw.query('START TRANSACTION', done));
  try {
    const result = await work(sessionOf(connection));
    await limited(connection, (raw, done) => raw.query('COMMIT', done));
    return result;
  } catch (error) {
    // A connection that can't even roll back is thrown away, which rolls back too.
    if (!isConnectionLost(error)) {
      await limited(connection, (raw, done) => raw.query('ROLLBACK', done)).catch(() => connection.destroy());
    }
    throw error;
  }
}

export function sessionOf(connection: PoolConnection): MysqlSession {
  const execute = (sql: string, values: readonly SqlValue[] = []) =>
    limited<QueryResult>(connection, (raw, done) => raw.execute<QueryResult>(sql, [...values], done));
  return {
    rows: async <Row>(sql: string, values?: readonly SqlValue[]) => (await execute(sql, values)) as Row[],
    run: async (sql, values) => ((await execute(sql, values)) as ResultSetHeader).affectedRows,
  };
}

/**
 * The answer to a statement; where none comes in time, the connection is thrown away: nobody knows its state. It is asked
 * through the driver's callbacks, since its promises take a stack trace for every statement.
 */
export function limited<Result>(
  connection: PoolConnection,
  ask: (raw: RawConnection, done: (error: Error | null, result: Result) => void) => void,
  limitMs = STATEMENT_LIMIT_MS,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      connection.destroy();
      reject(new StoreUnavailable(`MySQL did not answer within ${limitMs} ms.`));
    }, limitMs);
    const done = (error: unknown, result?: Result) => {
      clearTimeout(timer);
      if (error) reject(error as Error);
      else resolve(result as Result);
    };
    try {
      ask(connection.connection as unknown as RawConnection, done); // its type says that this was a promise wrapper too
    } catch (error) {
      done(error);
    }
  });
}
