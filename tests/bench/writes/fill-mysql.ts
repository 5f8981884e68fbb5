import { createConnection } from 'mysql2/promise';
import { parseMysqlUrl } from '../../../server/posts/mysql-url.ts';
import { oldPost } from './posts.ts';

const BATCH = 2_000;

/** Puts `count` old posts into an empty write model in MySQL, as if all of them had long been projected. */
export async function fillMysql(url: string, count: number): Promise<void> {
  const connection = await createConnection({ ...parseMysqlUrl(url).options, charset: 'utf8mb4' });
  try {
    for (let first = 0; first < count; first += BATCH) {
      const rows = Array.from({ length: Math.min(BATCH, count - first) }, (_, index) => {
        const { id, version, title, content, author, tags, createdAt } = oldPost(first + index);
        return [id, version, title, content, author, JSON.stringify(tags), createdAt];
      });
      await connection.query('INSERT INTO posts (id, version, title, content, author, tags, created_at) VALUES ?', [
        rows,
      ]);
    }
    await connection.query('ANALYZE TABLE posts');
  } finally {
    await connection.end();
  }
}
