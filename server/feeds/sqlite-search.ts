import type { DatabaseSync } from 'node:sqlite';
import { newestFirst } from '../../contract/order.ts';
import type { Post } from '../../contract/post.ts';
import type { Position } from './cursor.ts';
import { firstNumberOf, momentOf, ROOM } from './search-moments.ts';
import { postTerms, termsOf } from './search-terms.ts';
import { prepareCommand } from './sqlite-command.ts';

/*
 * FTS5 finds words by their beginnings, but would cut text into words by rules of its own (and of an older Unicode).
 * So it gets the words of search-terms.ts ready-made, each as the hex of its UTF-8: what begins the word begins the hex.
 */

export type SqliteSearchIndex = {
  /** A free number for a post that was created then. */
  numberFor(createdAt: string): number;
  /** Takes the words of a post (`null` for none) in the place of those it had. `n` is `posts.n`. */
  put(n: number, post: Post | null): void;
  /** Up to `count` posts after a position in which every word of `q` begins a word, newest first. */
  find(q: string, after: Position | undefined, count: number): Post[];
};

export function sqliteSearchIndex(database: DatabaseSync): SqliteSearchIndex {
  const lastNumber = database.prepare('SELECT max(n) AS n FROM posts WHERE n >= ? AND n < ?');
  const firstGap = database.prepare(
    `SELECT n + 1 AS n FROM posts p WHERE n >= ? AND NOT EXISTS (SELECT * FROM posts WHERE n = p.n + 1) ORDER BY n LIMIT 1`,
  );
  const remove = prepareCommand(database, 'DELETE FROM terms WHERE rowid = ?');
  const insert = prepareCommand(database, 'INSERT INTO terms (rowid, words) VALUES (?, ?)');
  const select = database.prepare(
    `SELECT p.n, p.post FROM terms t JOIN posts p ON p.n = t.rowid
     WHERE terms MATCH ? AND t.rowid < ? ORDER BY t.rowid DESC`,
  );

  return {
    numberFor: (createdAt) => {
      const first = firstNumberOf(createdAt);
      const { n } = lastNumber.get(first, first + ROOM) as { n: number | null };
      if (n === null) return first;
      return n + 1 < first + ROOM ? n + 1 : (firstGap.get(n) as { n: number }).n;
    },
    put: (n, post) => {
      remove.run(n);
      if (post !== null) insert.run(n, postTerms(post).map(hex).join(' '));
    },
    find: (q, after, count) => {
      const terms = termsOf(q);
      if (terms.length === 0) return [];
      const expression = terms.map((term) => `"${hex(term)}" *`).join(' AND ');
      const end = after === undefined ? Number.MAX_SAFE_INTEGER : firstNumberOf(after.at) + ROOM;
      const found: Post[] = [];
      let full: number | undefined;
      for (const row of select.iterate(expression, end) as Iterable<{ n: number; post: string }>) {
        const moment = momentOf(row.n);
        // Posts of one moment are in any order, so the last moment is read to its end.
        if (full !== undefined && moment !== full) break;
        const post = JSON.parse(row.post) as Post;
        if (after !== undefined && newestFirst(post, { createdAt: after.at, id: after.id }) <= 0) continue;
        found.push(post);
        if (found.length >= count) full ??= moment;
      }
      return found.sort(newestFirst).slice(0, count);
    },
  };
}

function hex(term: string): string {
  return Buffer.from(term).toString('hex');
}
