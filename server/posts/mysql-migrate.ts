import { createHash } from 'node:crypto';
import type { RowDataPacket } from 'mysql2';
import type { Pool } from 'mysql2/promise';
import { planMigrations, type Migration } from './migrations.ts';
import { limited, withConnection } from './mysql-session.ts';
import type { MysqlAddress } from './mysql-url.ts';
import { StoreUnavailable } from './post-store.ts';
import type { SqlValue } from './sql.ts';

/** How long, in seconds, to wait for another process that is at it. */
const MIGRATION_WAIT_S = 120;

/** One process at a time goes through the steps; a step that a crash cut in two is run again from its beginning. */
export async function migrateMysql(
  pool: Pool,
  { database }: MysqlAddress,
  migrations: readonly Migration[],
): Promise<void> {
  // Lock names are the server's, not the database's, and at most 64 characters long.
  const lock = `tagwire:${createHash('sha256').update(database).digest('hex').slice(0, 32)}`;
  await withConnection(pool, async (connection) => {
    const limitMs = (MIGRATION_WAIT_S + 10) * 1_000;
    const query = (sql: string, values: SqlValue[] = []) =>
      limited<RowDataPacket[]>(connection, (raw, done) => raw.query(sql, values, done), limitMs);
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
