import type { DatabaseSync, StatementSync } from 'node:sqlite';

/**
 * Prepares a statement that is to be `run`. The row id of the connection's last insert, which `run` reports, is read
 * as a bigint: those of FTS5's inner tables are beyond what a number can hold, and `run` would throw.
 */
export function prepareCommand(database: DatabaseSync, sql: string): StatementSync {
  const statement = database.prepare(sql);
  statement.setReadBigInts(true);
  return statement;
}
