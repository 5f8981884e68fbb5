import type { Migration } from './migrations.ts';

/** The write model in SQLite. Times of posts are ISO 8601 in UTC; those of the outbox are ms since 1970. */
export const SQLITE_MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    name: 'posts, revisions, outbox, dead letters, idempotency keys',
    sql: [
      `CREATE TABLE posts (
        id TEXT NOT NULL PRIMARY KEY,
        version INTEGER NOT NULL,
        title TEXT NOT NULL,
        content TEXT NOT NULL,
        author TEXT NOT NULL,
        tags TEXT NOT NULL,
        created_at TEXT NOT NULL,
        edited_at TEXT,
        deleted INTEGER NOT NULL DEFAULT 0
      ) STRICT`,
      // Only texts that were replaced; the present one is in posts.
      `CREATE TABLE post_revisions (
        post_id TEXT NOT NULL REFERENCES posts (id),
        version INTEGER NOT NULL,
        title TEXT NOT NULL,
        content TEXT NOT NULL,
        written_at TEXT NOT NULL,
        PRIMARY KEY (post_id, version)
      ) STRICT`,
      `CREATE TABLE outbox (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        topic TEXT NOT NULL,
        message_key TEXT NOT NULL,
        payload TEXT NOT NULL,
        metadata TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        published_at INTEGER
      ) STRICT`,
      'CREATE INDEX outbox_unpublished ON outbox (position) WHERE published_at IS NULL',
      'CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL',
      `CREATE TABLE dead_letters (
        id TEXT NOT NULL PRIMARY KEY,
        topic TEXT NOT NULL,
        message_key TEXT NOT NULL,
        payload TEXT NOT NULL,
        metadata TEXT NOT NULL,
        handler TEXT NOT NULL,
        reason TEXT NOT NULL,
        kept_at TEXT NOT NULL
      ) STRICT`,
      `CREATE TABLE idempotency_keys (
        key_hash TEXT NOT NULL PRIMARY KEY,
        fingerprint TEXT NOT NULL,
        post_id TEXT NOT NULL,
        created_at TEXT NOT NULL
      ) STRICT, WITHOUT ROWID`,
      'CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at)',
    ],
  },
];
