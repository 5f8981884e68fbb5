import { DatabaseSync } from 'node:sqlite';
import { createPool, type Pool, type PoolConnection } from 'mysql2/promise';
import { v7 as uuidv7 } from 'uuid';
import type { NewPost, Post } from '../../../contract/post.ts';
import { MYSQL_MIGRATIONS } from '../../../server/posts/mysql-migrations.ts';
import { parseMysqlUrl } from '../../../server/posts/mysql-url.ts';
import { SQLITE_MIGRATIONS } from '../../../server/posts/sqlite-migrations.ts';

/** The baseline: for each post a transaction of its own that inserts two rows, and nothing else. */
export type Bare = AsyncDisposable & { create(input: NewPost): Promise<Post> };

/** Connections as the server has them. */
const POOL_SIZE = 10;
const INSERT_POST =
  'INSERT INTO posts (id, version, title, content, author, tags, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)';
const INSERT_EVENT =
  'INSERT INTO outbox (id, topic, message_key, payload, metadata, created_at) VALUES (?, ?, ?, ?, ?, ?)';

/** In tables of the same columns, indexes and durability as the server's, in an empty database of its own. */
export async function openBareMysql(url: string): Promise<Bare> {
  const pool = createPool({ ...parseMysqlUrl(url).options, charset: 'utf8mb4', connectionLimit: POOL_SIZE });
  await createTables(pool);
  return {
    async create(input) {
      const { post, postRow, eventRow } = rowsOf(input);
      const connection = await pool.getConnection();
      try {
        await inTransaction(connection, postRow, eventRow);
      } finally {
        connection.release();
      }
      return post;
    },
    [Symbol.asyncDispose]: () => pool.end(),
  };
}

export function openBareSqlite(path: string): Bare {
  const database = new DatabaseSync(path);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  for (const sql of tablesOf(SQLITE_MIGRATIONS)) database.exec(sql);
  const statements = ['BEGIN IMMEDIATE', INSERT_POST, INSERT_EVENT, 'COMMIT'].map((sql) => database.prepare(sql));
  const [begin, insertPost, insertEvent, commit] = statements;
  return {
    async create(input) {
      const { post, postRow, eventRow } = rowsOf(input);
      begin?.run();
      insertPost?.run(...postRow);
      insertEvent?.run(...eventRow);
      commit?.run();
      return post;
    },
    [Symbol.asyncDispose]: async () => database.close(),
  };
}

async function inTransaction(connection: PoolConnection, postRow: Row, eventRow: Row): Promise<void> {
  await connection.query('START TRANSACTION');
  await connection.execute(INSERT_POST, postRow);
  await connection.execute(INSERT_EVENT, eventRow);
  await connection.query('COMMIT');
}

type Row = (string | number)[];

/** The same bytes as the server writes: a post, and an event that carries it. */
function rowsOf({ title, content, author }: NewPost): { post: Post; postRow: Row; eventRow: Row } {
  const now = new Date();
  const createdAt = now.toISOString();
  const tags = [...content.matchAll(/#(\w+)/g)].map(([, tag = '']) => tag);
  const post: Post = { id: uuidv7(), version: 1, title, content, author, tags, createdAt, editedAt: null };
  const payload = JSON.stringify({ post, occurredAt: createdAt });
  return {
    post,
    postRow: [post.id, 1, title, content, author, JSON.stringify(tags), createdAt],
    eventRow: [uuidv7(), 'posts.created', post.id, payload, '{}', now.getTime()],
  };
}

async function createTables(pool: Pool): Promise<void> {
  for (const sql of tablesOf(MYSQL_MIGRATIONS)) await pool.query(sql);
}

function tablesOf(migrations: readonly { readonly sql: readonly string[] }[]): string[] {
  return migrations.flatMap(({ sql }) => sql).filter((statement) => /\b(posts|outbox)\b \(|ON outbox/.test(statement));
}
