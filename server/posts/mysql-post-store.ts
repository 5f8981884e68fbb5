import type { Logger } from 'pino';
import { v7 as uuidv7 } from 'uuid';
import { mysqlCreates } from './mysql-creates.ts';
import { openMysqlDatabase } from './mysql-database.ts';
import { MYSQL_MIGRATIONS } from './mysql-migrations.ts';
import type { WriteModel } from './post-store.ts';
import { sqlWriteModel } from './sql-write-model.ts';

export type MysqlPostsOptions = {
  /** `mysql://user:password@host:port/database?ssl-mode=…`; see {@link parseMysqlUrl}. */
  readonly url: string;
  readonly logger: Logger;
  /** Makes ids of posts and messages, unique and growing. Default: UUID version 7 (RFC 9562). */
  readonly ids?: () => string;
  /** Connections at most. Default 10. */
  readonly poolSize?: number;
  /** Ends the wait for a database that is not up yet. */
  readonly signal?: AbortSignal;
};

/**
 * Opens the write model on a MySQL or MariaDB database, which any number of processes may share, and upgrades its schema.
 * Waits for a database that is not up yet, and reconnects by itself later on. Throws `InvalidMysqlUrl`,
 * `MysqlAccessRefused`, `DatabaseTooNew`, and the signal's reason.
 */
export async function openMysqlPosts({
  url,
  logger,
  ids = uuidv7,
  poolSize = 10,
  signal,
}: MysqlPostsOptions): Promise<WriteModel> {
  const database = await openMysqlDatabase({ url, migrations: MYSQL_MIGRATIONS, logger, poolSize, signal });
  return sqlWriteModel(database, { logger, ids, creates: mysqlCreates });
}
