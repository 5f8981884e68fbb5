import type { DatabaseSync } from 'node:sqlite';
import { DatabaseTooNew } from '../posts/migrations.ts';

/** Each entry leads from one `user_version` to the next; those that were ever released never change. */
const MIGRATIONS = [
  `
  -- A row per post that was ever applied; \`post\` is null in the tombstone of a deleted one. \`n\` grows with the time
  -- of creation (see sqlite-search.ts).
  CREATE TABLE posts (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    tags TEXT NOT NULL,
    post TEXT
  ) STRICT;

  -- A page of a feed is one range of this key.
  CREATE TABLE entries (
    feed TEXT NOT NULL,
    created_at TEXT NOT NULL,
    post_id TEXT NOT NULL,
    PRIMARY KEY (feed, created_at, post_id)
  ) STRICT, WITHOUT ROWID;

  -- An empty feed stays, so that its version goes on where it was; the list's index leaves it out.
  CREATE TABLE feeds (
    name TEXT PRIMARY KEY,
    posts INTEGER NOT NULL,
    version INTEGER NOT NULL,
    last_activity TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX feeds_by_activity ON feeds (last_activity, name) WHERE posts > 0;

  -- The last changes of each feed, one per version without a gap.
  CREATE TABLE feed_changes (
    feed TEXT NOT NULL,
    version INTEGER NOT NULL,
    post_id TEXT NOT NULL,
    PRIMARY KEY (feed, version)
  ) STRICT, WITHOUT ROWID;

  -- The last changes of the list of feeds, one per version without a gap; names as JSON.
  CREATE TABLE list_changes (version INTEGER PRIMARY KEY, names TEXT NOT NULL) STRICT;

  -- Words of posts by posts.n, in hex (see sqlite-search.ts).
  CREATE VIRTUAL TABLE terms USING fts5 (
    words, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii'
  );
  `,
  // A row once a rebuild has gone through to its end.
  'CREATE TABLE complete (yes INTEGER PRIMARY KEY CHECK (yes = 1)) STRICT',
  // What is a hashtag, and what a word, is told by another rule: all is made anew from the write model.
  `
  DELETE FROM complete; DELETE FROM entries; DELETE FROM feed_changes; DELETE FROM list_changes;
  DELETE FROM feeds; DELETE FROM posts; INSERT INTO terms (terms) VALUES ('delete-all');
  `,
];

/** Brings the database to the newest schema, in one transaction that other processes wait for. Throws `DatabaseTooNew`. */
export function migrate(database: DatabaseSync): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
    if (version > MIGRATIONS.length) throw new DatabaseTooNew(version, MIGRATIONS.length);
    for (const migration of MIGRATIONS.slice(version)) database.exec(migration);
    database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
    database.exec('COMMIT');
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}
