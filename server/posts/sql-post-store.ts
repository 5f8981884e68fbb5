import type { PostRevision } from '../../contract/post.ts';
import { decideCreate, decideDelete, decideUpdate, postOf, type Change } from './decide.ts';
import { hashOfKey } from './idempotency.ts';
import type { CreateResult, HistoryPage, PostStore, StoredPost } from './post-store.ts';
import { historyOf, storedPostOf, type PostRow, type RevisionRow } from './rows.ts';
import type { Create } from './sql-creates.ts';
import type { SqlOutbox } from './sql-outbox.ts';
import { rows, run, type SqlDatabase, type Work } from './sql.ts';

const COLUMNS = 'id, version, title, content, author, tags, created_at, edited_at, deleted';

/** Posts in a SQL database. `create` commits a create, and tells the outbox of it. */
export function sqlPostStore(
  database: SqlDatabase,
  outbox: SqlOutbox,
  ids: () => string,
  create: (create: Create) => Promise<CreateResult>,
): PostStore {
  const { forUpdate } = database.dialect;

  function* find(id: string, lock = ''): Work<StoredPost | undefined> {
    const [row] = yield* rows<PostRow>(`SELECT ${COLUMNS} FROM posts WHERE id = ? ${lock}`, id);
    // MySQL's collation takes 'a' and 'a ' for the same id.
    return row?.id === id ? storedPostOf(row) : undefined;
  }

  function* save(stored: StoredPost, { post, message }: Change): Work<void> {
    if (post.deleted) {
      yield* run('DELETE FROM post_revisions WHERE post_id = ?', post.id);
    } else {
      const { id, version, title, content, editedAt, createdAt } = stored;
      const sql = 'INSERT INTO post_revisions (post_id, version, title, content, written_at) VALUES (?, ?, ?, ?, ?)';
      yield* run(sql, id, version, title, content, editedAt ?? createdAt);
    }
    const { version, title, content, tags, editedAt, deleted, id } = post;
    const sql =
      'UPDATE posts SET version = ?, title = ?, content = ?, tags = ?, edited_at = ?, deleted = ? WHERE id = ?';
    yield* run(sql, version, title, content, JSON.stringify(tags), editedAt, Number(deleted), id);
    yield* outbox.append([message]);
  }

  /** Decides on the locked row and saves what was decided, in one transaction. */
  async function change<Outcome extends { kind: string }>(
    id: string,
    decide: (stored: StoredPost | undefined) => Change | Outcome,
  ): Promise<Change | Outcome> {
    const decision = await database.write(function* () {
      const stored = yield* find(id, forUpdate);
      const decided = decide(stored);
      if (stored && isChange(decided)) yield* save(stored, decided);
      return decided;
    });
    if (isChange(decision)) outbox.committed([decision.message]);
    return decision;
  }

  function* history(id: string, page: HistoryPage): Work<PostRevision[] | undefined> {
    const post = yield* find(id);
    if (!post || post.deleted) return undefined;
    // Below this version nothing changes any more, whatever is written meanwhile.
    const before = Math.min(page.before ?? post.version, post.version);
    const earlier = yield* rows<RevisionRow>(
      `SELECT version, title, content, written_at FROM post_revisions
       WHERE post_id = ? AND version < ? ORDER BY version DESC LIMIT ${Math.trunc(page.limit)}`,
      id,
      before,
    );
    return historyOf(post, earlier, page);
  }

  return {
    create: async (input, { idempotencyKey, correlationId } = {}) =>
      create({
        input,
        keyHash: idempotencyKey === undefined ? undefined : hashOfKey(idempotencyKey),
        change: decideCreate(input, { now: new Date(), ids, correlationId }),
      }),

    async update(id, patch, options = {}) {
      const { correlationId } = options;
      const decision = await change(id, (stored) =>
        decideUpdate(stored, patch, options, { now: new Date(), ids, correlationId }),
      );
      return isChange(decision) ? { kind: 'changed', post: postOf(decision.post) } : decision;
    },

    async delete(id, options = {}) {
      const { correlationId } = options;
      const decision = await change(id, (stored) =>
        decideDelete(stored, options, { now: new Date(), ids, correlationId }),
      );
      return isChange(decision) ? { kind: 'deleted' } : decision;
    },

    async get(id) {
      const post = await database.read(() => find(id));
      return post && !post.deleted ? postOf(post) : undefined;
    },

    stored: (id) => database.read(() => find(id)),
    history: (id, page) => database.read(() => history(id, page)),

    async page(after, limit) {
      const sql = `SELECT ${COLUMNS} FROM posts WHERE id > ? ORDER BY id LIMIT ${Math.trunc(limit)}`;
      return (await database.read(() => rows<PostRow>(sql, after ?? ''))).map(storedPostOf);
    },
    async count() {
      const [row] = await database.read(() => rows<{ posts: number }>('SELECT COUNT(*) AS posts FROM posts'));
      return Number(row?.posts);
    },
    ping: () => database.check(),
  };
}

function isChange(decision: { kind: string }): decision is Change {
  return decision.kind === 'change';
}
