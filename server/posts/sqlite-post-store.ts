import type { Logger } from 'pino';
import { v7 as uuidv7 } from 'uuid';
import type { Message } from '../messaging/message.ts';
import { decideCreate, decideDelete, decideUpdate, postOf, type Change } from './decide.ts';
import {
  fingerprintOf,
  hashOfKey,
  IDEMPOTENCY_KEPT_MS,
  IDEMPOTENCY_PURGE_MS,
  repetitionOf,
  type KeyedCreate,
} from './idempotency.ts';
import type { MigrationPlan } from './migrations.ts';
import type { PostStore, StoredPost, WriteModel } from './post-store.ts';
import { storedPostOf, type PostRow, type RevisionRow, historyOf } from './rows.ts';
import { openSqliteDatabase, planSqliteMigrations, type SqliteDatabase } from './sqlite-database.ts';
import { sqliteDeadLetters } from './sqlite-dead-letters.ts';
import { SQLITE_MIGRATIONS } from './sqlite-migrations.ts';
import { sqliteOutbox, type SqliteOutbox } from './sqlite-outbox.ts';

export type SqlitePostsOptions = {
  /** A file, made if it is not there, or `:memory:`. One server process at a time may use a file. */
  readonly path: string;
  readonly logger: Logger;
  readonly clock?: () => Date;
  /** Makes ids of posts and messages, unique and growing. Default: UUID version 7 (RFC 9562). */
  readonly ids?: () => string;
};

/** The write model on one SQLite file. */
export type SqlitePosts = WriteModel;

/** Opens the write model, and upgrades its schema. Throws `DatabaseTooNew` and `StoreUnavailable`. */
export function openSqlitePosts({
  path,
  logger,
  clock = () => new Date(),
  ids = uuidv7,
}: SqlitePostsOptions): SqlitePosts {
  const database = openSqliteDatabase(path, SQLITE_MIGRATIONS);
  const outbox = sqliteOutbox(database, clock);
  const purge = startPurge(database, clock, logger);
  const close = async () => {
    clearInterval(purge);
    database.close();
  };
  return {
    store: sqlitePostStore(database, outbox, clock, ids, close),
    outbox,
    deadLetters: sqliteDeadLetters(database, outbox, ids),
    close,
  };
}

/** What {@link openSqlitePosts} would do to a file: its schema's version and the steps to come. Changes nothing. */
export function planSqlitePostsMigrations(path: string): MigrationPlan {
  return planSqliteMigrations(path, SQLITE_MIGRATIONS);
}

type Append = (message: Message) => void;

function sqlitePostStore(
  database: SqliteDatabase,
  outbox: SqliteOutbox,
  clock: () => Date,
  ids: () => string,
  close: () => Promise<void>,
): PostStore {
  const { connection } = database;
  const columns = 'id, version, title, content, author, tags, created_at, edited_at, deleted';
  const selectPost = connection.prepare(`SELECT ${columns} FROM posts WHERE id = ?`);
  const selectPage = connection.prepare(`SELECT ${columns} FROM posts WHERE id > ? ORDER BY id LIMIT ?`);
  const selectCount = connection.prepare('SELECT count(*) AS posts FROM posts');
  const insertPost = connection.prepare(`INSERT INTO posts (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const updatePost = connection.prepare(
    'UPDATE posts SET version = ?, title = ?, content = ?, tags = ?, edited_at = ?, deleted = ? WHERE id = ?',
  );
  const selectRevisions = connection.prepare(
    `SELECT version, title, content, written_at FROM post_revisions WHERE post_id = ? AND version < ?
     ORDER BY version DESC LIMIT ?`,
  );
  const insertRevision = connection.prepare(
    `INSERT INTO post_revisions (post_id, version, title, content, written_at)
     SELECT id, version, title, content, coalesce(edited_at, created_at) FROM posts WHERE id = ?`,
  );
  const deleteRevisions = connection.prepare('DELETE FROM post_revisions WHERE post_id = ?');
  const selectKey = connection.prepare(
    'SELECT fingerprint, post_id AS postId, created_at AS createdAt FROM idempotency_keys WHERE key_hash = ?',
  );
  const insertKey = connection.prepare(
    'INSERT INTO idempotency_keys (key_hash, fingerprint, post_id, created_at) VALUES (?, ?, ?, ?)',
  );

  function find(id: string): StoredPost | undefined {
    const row = selectPost.get(id) as PostRow | undefined;
    return row && storedPostOf(row);
  }

  function save({ post, message }: Change, append: Append): void {
    if (post.deleted) deleteRevisions.run(post.id);
    else insertRevision.run(post.id);
    const { version, title, content, tags, editedAt, deleted, id } = post;
    updatePost.run(version, title, content, JSON.stringify(tags), editedAt, Number(deleted), id);
    append(message);
  }

  /** Runs a command, and tells the forwarder of the events that it appended to the outbox. */
  async function run<T>(command: (append: Append) => T): Promise<T> {
    const messages: Message[] = [];
    const append: Append = (message) => {
      outbox.append(message);
      messages.push(message);
    };
    const result = await database.write(() => command(append));
    if (messages.length > 0) outbox.committed(messages);
    return result;
  }

  return {
    create: (input, { idempotencyKey, correlationId } = {}) =>
      run((append) => {
        const keyHash = idempotencyKey === undefined ? undefined : hashOfKey(idempotencyKey);
        const first = keyHash && (selectKey.get(keyHash) as KeyedCreate | undefined);
        if (first) return repetitionOf(first, input);

        const { post, message } = decideCreate(input, { clock, ids, correlationId });
        const { id, version, title, content, author, tags, createdAt } = post;
        insertPost.run(id, version, title, content, author, JSON.stringify(tags), createdAt, null, 0);
        append(message);
        if (keyHash) insertKey.run(keyHash, fingerprintOf(input), id, createdAt);
        return { kind: 'created', post: postOf(post) };
      }),

    update: (id, patch, options = {}) =>
      run((append) => {
        const { correlationId } = options;
        const decision = decideUpdate(find(id), patch, options, { clock, ids, correlationId });
        if (decision.kind !== 'change') return decision;
        save(decision, append);
        return { kind: 'changed', post: postOf(decision.post) };
      }),

    delete: (id, options = {}) =>
      run((append) => {
        const { correlationId } = options;
        const decision = decideDelete(find(id), options, { clock, ids, correlationId });
        if (decision.kind !== 'change') return decision;
        save(decision, append);
        return { kind: 'deleted' };
      }),

    async get(id) {
      const post = database.read(() => find(id));
      return post && !post.deleted ? postOf(post) : undefined;
    },

    stored: async (id) => database.read(() => find(id)),

    async history(id, page) {
      const post = database.read(() => find(id));
      if (!post || post.deleted) return undefined;
      const earlier = database.read(() => {
        return selectRevisions.all(id, page.before ?? post.version, page.limit) as RevisionRow[];
      });
      return historyOf(post, earlier, page);
    },

    async page(after, limit) {
      return database.read(() => selectPage.all(after ?? '', limit) as PostRow[]).map(storedPostOf);
    },
    async count() {
      return Number(database.read(() => selectCount.get())?.posts);
    },
    async ping() {
      database.read(() => connection.exec('SELECT 1'));
    },
    close,
  };
}

/** Removes idempotency keys that are older than they need be, now and from time to time. */
function startPurge(database: SqliteDatabase, clock: () => Date, logger: Logger): NodeJS.Timeout {
  const remove = database.connection.prepare('DELETE FROM idempotency_keys WHERE created_at < ?');
  const purge = () => {
    try {
      const before = new Date(clock().getTime() - IDEMPOTENCY_KEPT_MS).toISOString();
      database.writeLazily(() => remove.run(before));
    } catch (error) {
      logger.warn({ err: error }, 'Old idempotency keys could not be removed; trying again later');
    }
  };
  purge();
  return setInterval(purge, IDEMPOTENCY_PURGE_MS).unref();
}
