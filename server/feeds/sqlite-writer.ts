import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { feedStream, postStream, type StreamName } from '../../contract/streams.ts';
import { COUNT_ONLY } from './feed-change.ts';
import {
  activityAt,
  firstVersion,
  project,
  REMEMBERED_CHANGES,
  streamsOf,
  type PostDocument,
  type Projection,
} from './projection.ts';
import type { PostState } from './read-model.ts';
import { prepareCommand } from './sqlite-command.ts';
import { sqliteSearchIndex } from './sqlite-search.ts';

/** What changes the read model's tables. Each call is to be inside a transaction that writes, but for `isWrong`. */
export type SqliteWriter = {
  apply(states: readonly PostState[]): StreamName[];
  /** True where {@link SqliteWriter.recount} has something to do; only reads. */
  isWrong(): boolean;
  recount(): string[];
  forget(id: string): StreamName[];
};

type EntryRow = { feed: string; created_at: string; post_id: string };
type PostRow = { n: number; version: number; created_at: string; tags: string };

export function sqliteWriter(database: DatabaseSync, clock: () => Date): SqliteWriter {
  const search = sqliteSearchIndex(database);
  const selectPost = database.prepare('SELECT n, version, created_at, tags FROM posts WHERE id = ?');
  const upsertPost = prepareCommand(
    database,
    `INSERT INTO posts (n, id, version, created_at, tags, post) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET version = excluded.version, tags = excluded.tags, post = excluded.post`,
  );
  const deletePost = prepareCommand(database, 'DELETE FROM posts WHERE n = ?');
  const insertEntry = prepareCommand(
    database,
    'INSERT OR IGNORE INTO entries (feed, created_at, post_id) VALUES (?, ?, ?)',
  );
  const deleteEntry = prepareCommand(database, 'DELETE FROM entries WHERE feed = ? AND created_at = ? AND post_id = ?');
  const countFeed = database.prepare(
    `INSERT INTO feeds (name, posts, version, last_activity) VALUES (?, ?, ?, ?)
     ON CONFLICT (name) DO UPDATE SET
       posts = posts + excluded.posts, version = version + 1, last_activity = max(last_activity, excluded.last_activity)
     RETURNING version`,
  );
  const insertFeedChange = prepareCommand(
    database,
    'INSERT INTO feed_changes (feed, version, post_id) VALUES (?, ?, ?)',
  );
  const trimFeedChanges = prepareCommand(database, 'DELETE FROM feed_changes WHERE feed = ? AND version <= ?');
  const insertListChange = database.prepare(
    'INSERT INTO list_changes (version, names) SELECT max(version) + 1, ? FROM list_changes RETURNING version',
  );
  const trimListChanges = prepareCommand(database, 'DELETE FROM list_changes WHERE version <= ?');
  const miscounted = database.prepare(
    `SELECT name, sum(real) - sum(counted) AS delta FROM (
       SELECT feed AS name, 1 AS real, 0 AS counted FROM entries
       UNION ALL SELECT name, 0, posts FROM feeds
     ) GROUP BY name HAVING sum(real) <> sum(counted)`,
  );

  const strayEntries = database.prepare(
    `SELECT e.feed, e.created_at, e.post_id FROM entries e
     LEFT JOIN posts p ON p.id = e.post_id AND p.created_at = e.created_at
     WHERE p.id IS NULL OR NOT EXISTS (SELECT * FROM json_each(p.tags) WHERE value = e.feed)`,
  );
  const missingEntries = database.prepare(
    `SELECT tag.value AS feed, p.created_at, p.id AS post_id FROM posts p, json_each(p.tags) tag
     WHERE NOT EXISTS (SELECT * FROM entries WHERE feed = tag.value AND created_at = p.created_at AND post_id = p.id)`,
  );

  /** One change of one feed: its count, its version, and the ring of changes go together. */
  function changeFeed(feed: string, delta: number, postId: string, at: string): void {
    const row = countFeed.get(feed, delta, firstVersion(clock()), at) as { version: number };
    insertFeedChange.run(feed, row.version, postId);
    trimFeedChanges.run(feed, row.version - REMEMBERED_CHANGES);
  }

  function changeList(names: ReadonlySet<string>): void {
    if (names.size === 0) return;
    const row = insertListChange.get(JSON.stringify([...names])) as { version: number };
    trimListChanges.run(row.version - REMEMBERED_CHANGES);
  }

  function putPost(n: number, { id, version, tags, post }: PostDocument, createdAt: string): void {
    upsertPost.run(n, id, version, createdAt, JSON.stringify(tags), post === null ? null : JSON.stringify(post));
    search.put(n, post);
  }

  /** Moves the post into and out of feeds. `createdAt` is the time that its entries have. */
  function putEntries({ added, kept, removed, document }: Projection, createdAt: string, at: string): void {
    for (const feed of removed) {
      deleteEntry.run(feed, createdAt, document.id);
      changeFeed(feed, -1, document.id, at);
    }
    for (const feed of kept) changeFeed(feed, 0, document.id, at);
    for (const feed of added) {
      insertEntry.run(feed, createdAt, document.id);
      changeFeed(feed, 1, document.id, at);
    }
  }

  function lastApplied(id: string) {
    const row = selectPost.get(id) as PostRow | undefined;
    return row && { ...row, tags: JSON.parse(row.tags) as string[] };
  }

  return {
    apply: (states) => {
      const now = clock();
      const streams = new Set<StreamName>();
      const names = new Set<string>();
      for (const state of states) {
        const last = lastApplied(state.post.id);
        const projection = project(last, state);
        if (projection === 'stale') {
          for (const stream of [postStream(state.post.id), ...state.post.tags.map(feedStream)]) streams.add(stream);
          continue;
        }
        const createdAt = last?.created_at ?? state.post.createdAt;
        putPost(last?.n ?? search.numberFor(createdAt), projection.document, createdAt);
        putEntries(projection, createdAt, activityAt(projection, now));
        for (const stream of streamsOf(projection)) streams.add(stream);
        for (const name of [...projection.added, ...projection.kept, ...projection.removed]) names.add(name);
      }
      changeList(names);
      if ([...streams].some((stream) => stream.startsWith('feed:'))) streams.add('feeds');
      return [...streams];
    },

    isWrong: () => [strayEntries, missingEntries, miscounted].some((query) => query.get() !== undefined),
    recount: () => {
      const now = clock().toISOString();
      const names = new Set<string>();
      const mend = ({ feed, created_at, post_id }: EntryRow, change: StatementSync) => {
        change.run(feed, created_at, post_id);
        changeFeed(feed, 0, post_id, now);
        names.add(feed);
      };
      for (const entry of strayEntries.all() as EntryRow[]) mend(entry, deleteEntry);
      for (const entry of missingEntries.all() as EntryRow[]) mend(entry, insertEntry);
      for (const { name, delta } of miscounted.all() as { name: string; delta: number }[]) {
        changeFeed(name, delta, COUNT_ONLY, now);
        names.add(name);
      }
      changeList(names);
      return [...names];
    },

    forget: (id) => {
      const last = lastApplied(id);
      if (last === undefined) return [];
      const now = clock().toISOString();
      for (const feed of last.tags) {
        deleteEntry.run(feed, last.created_at, id);
        changeFeed(feed, -1, id, now);
      }
      search.put(last.n, null);
      deletePost.run(last.n);
      changeList(new Set(last.tags));
      return [postStream(id), ...(last.tags.length === 0 ? [] : [...last.tags.map(feedStream), 'feeds' as const])];
    },
  };
}
