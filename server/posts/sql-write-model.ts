import type { Logger } from 'pino';
import { IDEMPOTENCY_KEPT_MS, IDEMPOTENCY_PURGE_MS } from './idempotency.ts';
import type { CreateResult, WriteModel } from './post-store.ts';
import type { Create } from './sql-creates.ts';
import { sqlDeadLetters } from './sql-dead-letters.ts';
import { sqlOutbox, type SqlOutbox } from './sql-outbox.ts';
import { sqlPostStore } from './sql-post-store.ts';
import { run, type SqlDatabase } from './sql.ts';

export type SqlWriteModelOptions = {
  readonly logger: Logger;
  /** Makes ids of posts and messages, unique and growing. */
  readonly ids: () => string;
  /** How creates are committed. */
  readonly creates: (database: SqlDatabase, outbox: SqlOutbox) => (create: Create) => Promise<CreateResult>;
};

/** The write model's three ports on one open database. */
export function sqlWriteModel(database: SqlDatabase, { logger, ids, creates }: SqlWriteModelOptions): WriteModel {
  const outbox = sqlOutbox(database);

  /** Removes idempotency keys that are older than they need be. */
  const purge = async (): Promise<void> => {
    const before = new Date(Date.now() - IDEMPOTENCY_KEPT_MS).toISOString();
    await database
      .writeLazily(() => run('DELETE FROM idempotency_keys WHERE created_at < ?', before))
      .catch((err: unknown) => logger.warn({ err }, 'Old idempotency keys could not be removed; trying again later'));
  };
  void purge();
  const timer = setInterval(() => void purge(), IDEMPOTENCY_PURGE_MS).unref();

  return {
    store: sqlPostStore(database, outbox, ids, creates(database, outbox)),
    outbox,
    deadLetters: sqlDeadLetters(database, outbox, ids),
    close: async () => {
      clearInterval(timer);
      await database.close();
    },
  };
}
