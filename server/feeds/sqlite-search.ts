import type { DatabaseSync } from 'node:sqlite';
import type { Post } from '../../contract/post.ts';
import { prepareCommand } from './sqlite-command.ts';
import { postTerms, termsOf } from './search-terms.ts';

/*
 * FTS5 finds words by their beginnings, but would cut text into words by rules of its own (and of an older Unicode).
 * So it gets the words of search-terms.ts ready-made, each as the hex of its UTF-8: what begins the word begins the hex.
 */

export type SqliteSearchIndex = {
  /** Takes the words of a post (`null` for none) in the place of those it had. `row` is `posts.n`. */
  put(row: number, post: Post | null): void;
  /** The MATCH expression that every word of `q` begins a word, or `undefined` where `q` has no words. */
  expression(q: string): string | undefined;
};

export function sqliteSearchIndex(database: DatabaseSync): SqliteSearchIndex {
  const remove = prepareCommand(database, 'DELETE FROM terms WHERE rowid = ?');
  const insert = prepareCommand(database, 'INSERT INTO terms (rowid, words) VALUES (?, ?)');
  return {
    put: (row, post) => {
      remove.run(row);
      if (post !== null) insert.run(row, postTerms(post).map(hex).join(' '));
    },
    expression: (q) => {
      const terms = termsOf(q);
      return terms.length === 0 ? undefined : terms.map((term) => `"${hex(term)}" *`).join(' AND ');
    },
  };
}

function hex(term: string): string {
  return Buffer.from(term).toString('hex');
}
