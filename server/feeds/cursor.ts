import { z } from 'zod';
import { InvalidCursor } from './read-model.ts';

/** Where a page ended: the time and the name that its last entry is ordered by. Pages go from new to old. */
export type Position = { readonly at: string; readonly id: string };

/** What a cursor leads through; one of posts is refused by a list of feeds. */
export type CursorKind = 'posts' | 'feeds';

const Cursor = z.tuple([z.enum(['posts', 'feeds']), z.string(), z.string()]);

/** The most that one page may hold, whatever was asked for. */
const MAX_LIMIT = 1000;
/** Characters of text on one page, so that an answer has some megabytes at most. The first page of a stream has fewer. */
const MAX_PAGE_LENGTH = 1_000_000;

/** An opaque cursor, safe in a URL. */
export function encodeCursor(kind: CursorKind, { at, id }: Position): string {
  return Buffer.from(JSON.stringify([kind, at, id])).toString('base64url');
}

/** Throws `InvalidCursor` for what {@link encodeCursor} did not make for this kind. */
export function decodeCursor(kind: CursorKind, cursor: string): Position {
  const parsed = Cursor.safeParse(parseJson(Buffer.from(cursor, 'base64url').toString()));
  if (!parsed.success || parsed.data[0] !== kind) {
    throw new InvalidCursor(`The cursor "${cursor.slice(0, 100)}" was not made by this server; start without one`);
  }
  const [, at, id] = parsed.data;
  return { at, id };
}

/**
 * The entries of a page out of up to `limit + 1` that were read, and the cursor of the next one. A page ends sooner where
 * its entries are so long that it would be over {@link MAX_PAGE_LENGTH}; it has one entry at least.
 */
export function cutPage<T>(
  kind: CursorKind,
  limit: number,
  read: readonly T[],
  positionOf: (entry: T) => Position,
  lengthOf: (entry: T) => number = () => 0,
): { entries: T[]; next: string | null } {
  let length = 0;
  const tooLong = read.findIndex((entry, at) => (length += lengthOf(entry)) > MAX_PAGE_LENGTH && at > 0);
  const entries = read.slice(0, tooLong < 0 ? limit : Math.min(limit, tooLong));
  const last = entries.at(-1);
  const next = read.length > entries.length && last !== undefined ? encodeCursor(kind, positionOf(last)) : null;
  return { entries, next };
}

/** What a post adds to the length of its page. */
export function lengthOfPost({ title, content }: { title: string; content: string }): number {
  return title.length + content.length;
}

/** A limit as a page can have it: a whole number from 1 to {@link MAX_LIMIT}. */
export function pageLimit(asked: number | undefined, normal: number): number {
  if (asked === undefined || Number.isNaN(asked)) return normal;
  return Math.min(Math.max(1, Math.trunc(asked)), MAX_LIMIT);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
