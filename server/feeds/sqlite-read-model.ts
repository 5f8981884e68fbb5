import { DatabaseSync } from 'node:sqlite';
import { FEED_LIST_SIZE, FEED_PAGE_SIZE, type FeedList, type FeedPage, type FeedSummary } from '../../contract/feed.ts';
import type { Post } from '../../contract/post.ts';
import { parseTagPart } from '../../contract/tags.ts';
import { isSqliteUnavailable, lookAtSqliteFile } from '../posts/sqlite-file.ts';
import { cutPage, decodeCursor, lengthOfPost, pageLimit } from './cursor.ts';
import { feedChange } from './feed-change.ts';
import { firstVersion } from './projection.ts';
import type { AppliedPost, PageQuery, ReadModel, ReadModelDocument, ReadModelOptions } from './read-model.ts';
import { migrate } from './sqlite-schema.ts';
import { sqliteSearchIndex } from './sqlite-search.ts';
import { sqliteWriter } from './sqlite-writer.ts';
import { unavailable, withTypedErrors } from './typed-errors.ts';

export type SqliteReadModelOptions = ReadModelOptions & {
  /** A file, made where it is missing, or `:memory:`. */
  readonly path: string;
};

/** How long, in ms, a transaction waits for another process (`npm run rebuild`) that is writing. */
const BUSY_TIMEOUT_MS = 5000;

type PostRow = { post: string };
type SummaryRow = { name: string; posts: number; last_activity: string };

/**
 * The read model in one SQLite file. A batch of states is one transaction, and so is every read that looks at a
 * version and a state. What was applied survives a power cut, since the outbox then forgets it. Throws `DatabaseTooNew`
 * for a file of a later release, and `ReadModelUnavailable` where the file can't be used, then and later.
 */
export async function openSqliteReadModel({ path, clock, logger }: SqliteReadModelOptions): Promise<ReadModel> {
  try {
    const database = openDatabase(path, clock());
    logger.debug({ path }, 'read model open');
    return withTypedErrors(sqliteReadModel(database, path, clock), isSqliteUnavailable);
  } catch (error) {
    throw isSqliteUnavailable(error) ? unavailable(error) : error;
  }
}

function openDatabase(path: string, now: Date): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    migrate(database);
    const start = `INSERT INTO list_changes SELECT ?, '[]' WHERE NOT EXISTS (SELECT * FROM list_changes)`;
    database.prepare(start).run(firstVersion(now));
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function sqliteReadModel(database: DatabaseSync, path: string, clock: () => Date): ReadModel {
  const writer = sqliteWriter(database, clock);
  const search = sqliteSearchIndex(database);
  const selectPost = database.prepare('SELECT version, post FROM posts WHERE id = ?');
  const selectFeed = database.prepare('SELECT posts, version FROM feeds WHERE name = ?');
  const selectEntries = database.prepare(
    `SELECT p.post FROM entries e JOIN posts p ON p.id = e.post_id AND p.post IS NOT NULL
     WHERE e.feed = ? AND (e.created_at, e.post_id) < (?, ?)
     ORDER BY e.created_at DESC, e.post_id DESC LIMIT ?`,
  );
  const selectFeeds = database.prepare(
    `SELECT name, posts, last_activity FROM feeds
     WHERE posts > 0 AND (last_activity, name) < (?, ?) AND instr(name, ?) > 0
     ORDER BY last_activity DESC, name DESC LIMIT ?`,
  );
  const selectSummary = database.prepare('SELECT name, posts, last_activity FROM feeds WHERE name = ?');
  const selectFeedChanges = database.prepare('SELECT post_id FROM feed_changes WHERE feed = ? AND version > ?');
  const selectListVersion = database.prepare('SELECT max(version) AS version FROM list_changes');
  const selectListChanges = database.prepare('SELECT names FROM list_changes WHERE version > ?');
  const selectPage = database.prepare('SELECT id, version, post FROM posts WHERE id > ? ORDER BY id LIMIT ?');
  const selectComplete = database.prepare('SELECT yes FROM complete');
  const insertComplete = database.prepare('INSERT OR IGNORE INTO complete VALUES (1)');
  const selectNames = database.prepare(
    'SELECT name FROM feeds WHERE posts <> 0 UNION SELECT feed FROM entries ORDER BY 1',
  );
  const selectIds = database.prepare(
    'SELECT post_id FROM entries WHERE feed = ? ORDER BY created_at DESC, post_id DESC',
  );

  function transaction<T>(kind: 'read' | 'write', run: () => T): T {
    database.exec(kind === 'read' ? 'BEGIN' : 'BEGIN IMMEDIATE');
    try {
      const result = run();
      database.exec('COMMIT');
      return result;
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  }

  function feedPage(name: string, { cursor, limit }: PageQuery = {}): FeedPage {
    const size = pageLimit(limit, FEED_PAGE_SIZE);
    const { at, id } = cursor === undefined ? NEWEST : decodeCursor('posts', cursor);
    const total = (selectFeed.get(name) as { posts: number } | undefined)?.posts ?? 0;
    const { entries, next } = cutPage(
      'posts',
      size,
      posts(selectEntries.all(name, at, id, size + 1)),
      positionOfPost,
      lengthOfPost,
    );
    return { name, total, posts: entries, next };
  }

  function feedList({ cursor, limit, q = '' }: PageQuery & { q?: string } = {}): FeedList {
    const size = pageLimit(limit, FEED_LIST_SIZE);
    const { at, id } = cursor === undefined ? NEWEST : decodeCursor('feeds', cursor);
    const rows = selectFeeds.all(at, id, parseTagPart(q), size + 1) as SummaryRow[];
    const { entries, next } = cutPage('feeds', size, rows.map(summary), ({ lastActivity, name }) => ({
      at: lastActivity,
      id: name,
    }));
    return { feeds: entries, next };
  }

  function post(id: string): { version: number; post: Post | null } | undefined {
    const row = selectPost.get(id) as { version: number; post: string | null } | undefined;
    return row && { version: row.version, post: parsePost(row.post) };
  }

  const feedVersion = (name: string) => (selectFeed.get(name) as { version: number } | undefined)?.version ?? 0;
  const listVersion = () => (selectListVersion.get() as { version: number }).version;

  return {
    apply: async (states) => transaction('write', () => writer.apply(states)),
    // Where all is right, which it should be, nobody has to wait for the look at everything.
    recount: async () =>
      transaction('read', () => writer.isWrong()) ? transaction('write', () => writer.recount()) : [],
    forget: async (id) => transaction('write', () => writer.forget(id)),
    isComplete: async () => selectComplete.get() !== undefined,
    markComplete: async () => void insertComplete.run(),

    post: async (id) => post(id)?.post ?? undefined,
    feed: async (name, page) => transaction('read', () => feedPage(name, page)),
    feeds: async (query) => feedList(query),
    search: async (q, { cursor, limit } = {}) => {
      const size = pageLimit(limit, FEED_PAGE_SIZE);
      const after = cursor === undefined ? undefined : decodeCursor('posts', cursor);
      const { entries, next } = cutPage('posts', size, search.find(q, after, size + 1), positionOfPost, lengthOfPost);
      return { query: q, posts: entries, next };
    },

    feedSnapshot: async (name) => transaction('read', () => ({ version: feedVersion(name), state: feedPage(name) })),
    feedChanges: async (name, since) =>
      transaction('read', () => {
        const { version, posts: total } = (selectFeed.get(name) as { version: number; posts: number } | undefined) ?? {
          version: 0,
          posts: 0,
        };
        const rows = since > version ? [] : (selectFeedChanges.all(name, since) as { post_id: string }[]);
        if (rows.length !== version - since) return undefined;
        const ids = new Set(rows.map((row) => row.post_id));
        const found = [...ids].map((id) => post(id)?.post ?? null).filter((it) => it !== null);
        return { from: since, version, change: feedChange(name, total, ids, found) };
      }),
    feedsSnapshot: async () => transaction('read', () => ({ version: listVersion(), state: feedList() })),
    feedsChanges: async (since) =>
      transaction('read', () => {
        const version = listVersion();
        const rows = since > version ? [] : (selectListChanges.all(since) as { names: string }[]);
        if (rows.length !== version - since) return undefined;
        const names = new Set(rows.flatMap((row) => JSON.parse(row.names) as string[]));
        const feeds = [...names].map((name) => summary(selectSummary.get(name) as SummaryRow));
        return { from: since, version, change: { feeds } };
      }),
    postSnapshot: async (id) => {
      const found = post(id);
      return { version: found?.version ?? 0, state: found?.post ?? null };
    },

    dump: async function* (): AsyncIterable<ReadModelDocument> {
      for (let after: string | undefined; ;) {
        const page = appliedPage(after, 500);
        for (const applied of page) yield { kind: 'post', ...applied };
        after = page.at(-1)?.id;
        if (after === undefined) break;
      }
      for (const { name } of selectNames.all() as { name: string }[]) {
        yield transaction('read', () => {
          const ids = (selectIds.all(name) as { post_id: string }[]).map((row) => row.post_id);
          return { kind: 'feed', name, posts: feedPage(name, { limit: 1 }).total, ids };
        });
      }
    },
    page: async (after, limit) => appliedPage(after, limit),

    prepare: async () => undefined,
    ping: async () => {
      database.prepare('SELECT 1').get();
      if (path !== ':memory:') lookAtSqliteFile(path);
    },
    close: async () => {
      if (database.isOpen) database.close();
    },
  };

  function appliedPage(after: string | undefined, limit: number): AppliedPost[] {
    const rows = selectPage.all(after ?? '', limit) as { id: string; version: number; post: string | null }[];
    return rows.map((row) => ({ id: row.id, version: row.version, post: parsePost(row.post) }));
  }
}

/** A position before all that there is: no time as text begins with this character. */
const NEWEST = { at: '\u{10FFFF}', id: '' };

function positionOfPost({ createdAt, id }: Post) {
  return { at: createdAt, id };
}

function summary({ name, posts, last_activity }: SummaryRow): FeedSummary {
  return { name, posts, lastActivity: last_activity };
}

function posts(rows: readonly unknown[]): Post[] {
  return (rows as PostRow[]).map((row) => JSON.parse(row.post) as Post);
}

function parsePost(json: string | null): Post | null {
  return json === null ? null : (JSON.parse(json) as Post);
}
