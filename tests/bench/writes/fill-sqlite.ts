import { DatabaseSync } from 'node:sqlite';
import { pino } from 'pino';
import { dataFiles } from '../../../server/data-folder.ts';
import { firstVersion } from '../../../server/feeds/projection.ts';
import { prepareCommand } from '../../../server/feeds/sqlite-command.ts';
import { openSqliteReadModel } from '../../../server/feeds/sqlite-read-model.ts';
import { openSqlitePosts } from '../../../server/posts/sqlite-post-store.ts';
import { oldPost, oldPostsIn, oldTerms, TAGS } from './posts.ts';

/** `posts.n` of the read model has room for so many posts of one millisecond (server/feeds/sqlite-search.ts). */
const ROOM = 1024;

/** Makes both files of a data folder, and puts `count` old posts into them. */
export async function fillSqlite(dataDir: string, count: number): Promise<void> {
  const logger = pino({ level: 'silent' });
  const { writeFile, readFile } = dataFiles(dataDir);
  await openSqlitePosts({ path: writeFile, logger }).close();
  const readModel = await openSqliteReadModel({ path: readFile, clock: () => new Date(), logger });
  await readModel.markComplete(); // or the server would look at all of it before it starts
  await readModel.close();
  fill(writeFile, (database) => fillWriteModel(database, count));
  fill(
    readFile,
    (database) => fillReadModel(database, count),
    // FTS5 would go on merging what came at once while it is measured, as it never has to where posts come one by one.
    (database) => database.exec("INSERT INTO terms (terms) VALUES ('optimize')"),
  );
}

function fill(path: string, work: (database: DatabaseSync) => void, done?: (database: DatabaseSync) => void): void {
  const database = new DatabaseSync(path);
  try {
    database.exec('PRAGMA synchronous = OFF; BEGIN');
    work(database);
    database.exec('COMMIT');
    done?.(database);
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } finally {
    database.close();
  }
}

function fillWriteModel(database: DatabaseSync, count: number): void {
  const insert = database.prepare(
    'INSERT INTO posts (id, version, title, content, author, tags, created_at) VALUES (?, 1, ?, ?, ?, ?, ?)',
  );
  for (let n = 0; n < count; n += 1) {
    const { id, title, content, author, tags, createdAt } = oldPost(n);
    insert.run(id, title, content, author, JSON.stringify(tags), createdAt);
  }
}

function fillReadModel(database: DatabaseSync, count: number): void {
  const insertPost = prepareCommand(
    database,
    'INSERT INTO posts (n, id, version, created_at, tags, post) VALUES (?, ?, 1, ?, ?, ?)',
  );
  const insertEntry = prepareCommand(database, 'INSERT INTO entries (feed, created_at, post_id) VALUES (?, ?, ?)');
  const insertTerms = prepareCommand(database, 'INSERT INTO terms (rowid, words) VALUES (?, ?)');
  for (let n = 0; n < count; n += 1) {
    const post = oldPost(n);
    const number = Date.parse(post.createdAt) * ROOM;
    insertPost.run(number, post.id, post.createdAt, JSON.stringify(post.tags), JSON.stringify(post));
    for (const tag of post.tags) insertEntry.run(tag, post.createdAt, post.id);
    insertTerms.run(
      number,
      oldTerms(n)
        .map((term) => Buffer.from(term).toString('hex'))
        .join(' '),
    );
  }
  if (count === 0) return;
  const insertFeed = database.prepare('INSERT INTO feeds (name, posts, version, last_activity) VALUES (?, ?, ?, ?)');
  const lastActivity = oldPost(count - 1).createdAt;
  for (const name of TAGS) insertFeed.run(name, oldPostsIn(name, count), firstVersion(new Date()), lastActivity);
}
