import { v7 as uuidv7 } from 'uuid';
import type { Logger } from 'pino';
import { decideDelete, decideUpdate, postOf, type Change } from './decide.ts';
import { IDEMPOTENCY_KEPT_MS, IDEMPOTENCY_PURGE_MS } from './idempotency.ts';
import { mysqlCreates } from './mysql-creates.ts';
import { openMysqlDatabase, type MysqlDatabase } from './mysql-database.ts';
import { mysqlDeadLetters } from './mysql-dead-letters.ts';
import { MYSQL_MIGRATIONS } from './mysql-migrations.ts';
import { mysqlOutbox, type MysqlOutbox } from './mysql-outbox.ts';
import type { MysqlSession } from './mysql-session.ts';
import type { PostStore, StoredPost, WriteModel } from './post-store.ts';
import { storedPostOf, type PostRow, type RevisionRow, historyOf } from './rows.ts';

export type MysqlPostsOptions = {
  /** `mysql://user:password@host:port/database?ssl-mode=…`; see {@link parseMysqlUrl}. */
  readonly url: string;
  readonly logger: Logger;
  readonly clock?: () => Date;
  /** Makes ids of posts and messages, unique and growing. Default: UUID version 7 (RFC 9562). */
  readonly ids?: () => string;
  /** Connections at most. Default 10. */
  readonly poolSize?: number;
  /** Ends the wait for a database that is not up yet. */
  readonly signal?: AbortSignal;
};

/** The write model on one MySQL or MariaDB database, which any number of processes may share. */
export type MysqlPosts = WriteModel;

/**
 * Opens the write model, and upgrades its schema. Waits for a database that is not up yet, and reconnects by itself
 * later on. Throws `InvalidMysqlUrl`, `MysqlAccessRefused`, `DatabaseTooNew`, and the signal's reason.
 */
export async function openMysqlPosts({
  url,
  logger,
  clock = () => new Date(),
  ids = uuidv7,
  poolSize = 10,
  signal,
}: MysqlPostsOptions): Promise<MysqlPosts> {
  const database = await openMysqlDatabase({ url, migrations: MYSQL_MIGRATIONS, logger, poolSize, signal });
  const outbox = mysqlOutbox(database, clock);
  const purge = await startPurge(database, clock, logger);
  const close = async () => {
    clearInterval(purge);
    await database.close();
  };
  return {
    store: mysqlPostStore(database, outbox, clock, ids, close),
    outbox,
    deadLetters: mysqlDeadLetters(database, outbox, ids),
    close,
  };
}

const COLUMNS = 'id, version, title, content, author, tags, created_at, edited_at, deleted';

function mysqlPostStore(
  database: MysqlDatabase,
  outbox: MysqlOutbox,
  clock: () => Date,
  ids: () => string,
  close: () => Promise<void>,
): PostStore {
  const create = mysqlCreates(database, outbox, clock, ids);

  async function find(session: MysqlSession, id: string, lock = ''): Promise<StoredPost | undefined> {
    const [row] = await session.rows<PostRow>(`SELECT ${COLUMNS} FROM posts WHERE id = ? ${lock}`, [id]);
    // The collation takes 'a' and 'a ' for the same id.
    return row?.id === id ? storedPostOf(row) : undefined;
  }

  async function save(session: MysqlSession, stored: StoredPost, { post, message }: Change): Promise<void> {
    if (post.deleted) {
      await session.run('DELETE FROM post_revisions WHERE post_id = ?', [post.id]);
    } else {
      await session.run(
        'INSERT INTO post_revisions (post_id, version, title, content, written_at) VALUES (?, ?, ?, ?, ?)',
        [stored.id, stored.version, stored.title, stored.content, stored.editedAt ?? stored.createdAt],
      );
    }
    const { version, title, content, tags, editedAt, deleted, id } = post;
    await session.run(
      'UPDATE posts SET version = ?, title = ?, content = ?, tags = ?, edited_at = ?, deleted = ? WHERE id = ?',
      [version, title, content, JSON.stringify(tags), editedAt, Number(deleted), id],
    );
    await outbox.append(session, [message]);
  }

  /** Decides on the locked row and saves what was decided, in one transaction. */
  async function changePost<Outcome extends { kind: string }>(
    id: string,
    decide: (stored: StoredPost | undefined) => Change | Outcome,
  ): Promise<Change | Outcome> {
    const decision = await database.transaction(async (session) => {
      const stored = await find(session, id, 'FOR UPDATE');
      const decided = decide(stored);
      if (stored && isChange(decided)) await save(session, stored, decided);
      return decided;
    });
    if (isChange(decision)) outbox.committed([decision.message]);
    return decision;
  }

  return {
    create,

    async update(id, patch, options = {}) {
      const { correlationId } = options;
      const decision = await changePost(id, (stored) =>
        decideUpdate(stored, patch, options, { clock, ids, correlationId }),
      );
      return isChange(decision) ? { kind: 'changed', post: postOf(decision.post) } : decision;
    },

    async delete(id, options = {}) {
      const { correlationId } = options;
      const decision = await changePost(id, (stored) => decideDelete(stored, options, { clock, ids, correlationId }));
      return isChange(decision) ? { kind: 'deleted' } : decision;
    },

    async get(id) {
      const post = await find(database, id);
      return post && !post.deleted ? postOf(post) : undefined;
    },

    stored: (id) => find(database, id),

    async history(id, page) {
      // Together in one transaction, with a lock that only writers wait for: no edit falls in between.
      return database.transaction(async (session) => {
        const post = await find(session, id, 'LOCK IN SHARE MODE');
        if (!post || post.deleted) return undefined;
        const earlier = await session.rows<RevisionRow>(
          `SELECT version, title, content, written_at FROM post_revisions WHERE post_id = ? AND version < ?
           ORDER BY version DESC LIMIT ${Math.trunc(page.limit)}`,
          [id, page.before ?? post.version],
        );
        return historyOf(post, earlier, page);
      });
    },

    async page(after, limit) {
      const sql = `SELECT ${COLUMNS} FROM posts WHERE id > ? ORDER BY id LIMIT ${Math.trunc(limit)}`;
      return (await database.rows<PostRow>(sql, [after ?? ''])).map(storedPostOf);
    },
    async count() {
      const [row] = await database.rows<{ posts: number }>('SELECT COUNT(*) AS posts FROM posts');
      return row?.posts ?? 0;
    },
    async ping() {
      await database.rows('SELECT 1');
    },
    close,
  };
}

function isChange(decision: { kind: string }): decision is Change {
  return decision.kind === 'change';
}

/** Removes idempotency keys that are older than they need be, now and from time to time. */
async function startPurge(database: MysqlDatabase, clock: () => Date, logger: Logger): Promise<NodeJS.Timeout> {
  const purge = async () => {
    try {
      const before = new Date(clock().getTime() - IDEMPOTENCY_KEPT_MS).toISOString();
      await database.run('DELETE FROM idempotency_keys WHERE created_at < ?', [before]);
    } catch (error) {
      logger.warn({ err: error }, 'Old idempotency keys could not be removed; trying again later');
    }
  };
  await purge();
  return setInterval(() => void purge(), IDEMPOTENCY_PURGE_MS).unref();
}
