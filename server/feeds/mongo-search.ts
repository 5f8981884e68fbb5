import { createHash } from 'node:crypto';
import type { ClientSession } from 'mongodb';
import { FEED_PAGE_SIZE } from '../../contract/feed.ts';
import { newestFirst } from '../../contract/order.ts';
import type { Post } from '../../contract/post.ts';
import { cutPage, decodeCursor, encodeCursor, lengthOfPost, pageLimit } from './cursor.ts';
import type { MongoCollections, PostDocument } from './mongo-documents.ts';
import { isDuplicate } from './mongo-errors.ts';
import type { PageQuery } from './read-model.ts';
import { firstNumberOf, momentOf, ROOM } from './search-moments.ts';
import { termsOf } from './search-terms.ts';

/*
 * Search by an index of words that has posts newest first (docs/decisions/0002-mongodb-search.md). A post is indexed by
 * its words, and by the first letters of each, which stand for all words that begin so. What begins longer is looked up in
 * the collection of words. Of several words the rarest gives candidates, which are looked for under the others in the index
 * alone; only what may be found is read. What a query may cost is bounded: beyond that its page ends early, with a cursor.
 */

export type MongoSearch = {
  /** Makes words known, before posts that have them are written. Words are never taken back. */
  learn(words: readonly string[]): Promise<void>;
  find(q: string, page: PageQuery, session: ClientSession): Promise<{ entries: Post[]; next: string | null }>;
};

/** Beginnings of so many letters are indexed themselves. */
const MAX_BEGINNING = 2;
/** MongoDB merges so many ranges of an index without sorting; what begins more words is looked for by its first letters. */
const MAX_WORDS = 200;
/** Candidates of the rarest word that are looked at, step by step. */
const STEPS = [64, 512, 4_096];
/** Places of the index that are looked up at once. */
const MAX_LOOKUPS = 8_192;
/** Posts that are read beside those of the page, where the index says too much of them. */
const MAX_IN_VAIN = 240;
const READ_AT_ONCE = 64;
/** Words that a process remembers as known. */
const MAX_REMEMBERED = 100_000;
/** After every string that we store: the last code point there is, which is no character. */
const LAST = '\u{10FFFF}';

/** What a post with these words is found by: the words, and their beginnings. */
export function indexedTerms(words: readonly string[]): string[] {
  return [...new Set(words.flatMap((word) => [...beginningsOf(word), word]))];
}

/** Grows with the time of creation. Two posts of one millisecond may have the same. */
export function numberOf({ createdAt, id }: { createdAt: string; id: string }): number {
  return firstNumberOf(createdAt) + (createHash('sha1').update(id).digest().readUInt16BE() % ROOM);
}

export function mongoSearch({ posts, words }: MongoCollections): MongoSearch {
  const known = new Set<string>();

  async function learn(learned: readonly string[]): Promise<void> {
    const all = new Set(learned.filter((word) => isLong(word) && !known.has(word)));
    if (all.size === 0) return;
    const inserts = [...all].map((_id) => ({ insertOne: { document: { _id } } }));
    await words.bulkWrite(inserts, { ordered: false }).catch((error: unknown) => {
      if (!isDuplicate(error)) throw error;
    });
    if (known.size + all.size > MAX_REMEMBERED) known.clear();
    for (const word of all) known.add(word);
  }

  /** The terms of the index that say that a post may have a word which begins so. */
  async function termsFor(beginning: string, session: ClientSession): Promise<string[]> {
    if (!isLong(beginning)) return [beginning];
    const range = { _id: { $gte: beginning, $lt: beginning + LAST } };
    const found = await words
      .find(range, { session, projection: { _id: 1 } })
      .limit(MAX_WORDS + 1)
      .toArray();
    return found.length > MAX_WORDS ? beginningsOf(beginning).slice(-1) : found.map(({ _id }) => _id);
  }

  /** Numbers of posts that have one of the terms, newest first, out of the index alone. */
  async function candidates(terms: readonly string[], before: number, limit: number, session: ClientSession) {
    const filter = { terms: oneOf(terms), n: { $lt: before } };
    const found = posts.find(filter, { session, hint: 'by_term', projection: NUMBER }).sort({ n: -1 }).limit(limit);
    return (await found.toArray()).map(({ n }) => n);
  }

  /** Those of the numbers that have one of the terms, or may have it. */
  async function among(terms: readonly string[], numbers: readonly number[], session: ClientSession) {
    if (numbers.length === 0 || terms.length * numbers.length > MAX_LOOKUPS) return numbers;
    const filter = { terms: oneOf(terms), n: { $in: [...numbers] } };
    const found = await posts.find(filter, { session, hint: 'by_term', projection: NUMBER }).toArray();
    const present = new Set(found.map(({ n }) => n));
    return numbers.filter((n) => present.has(n));
  }

  async function* read(numbers: readonly number[], session: ClientSession): AsyncGenerator<SearchedPost> {
    for (let from = 0; from < numbers.length; from += READ_AT_ONCE) {
      const filter = { n: { $in: numbers.slice(from, from + READ_AT_ONCE) } };
      yield* await posts
        .find(filter, { session, projection: { ...NUMBER, post: 1, terms: 1 } })
        .sort({ n: -1 })
        .toArray();
    }
  }

  async function find(q: string, { cursor, limit }: PageQuery, session: ClientSession) {
    const size = pageLimit(limit, FEED_PAGE_SIZE);
    const after = cursor === undefined ? undefined : decodeCursor('posts', cursor);
    const asked = termsOf(q);
    const found: Post[] = [];
    const page = (posts: readonly Post[]) =>
      cutPage(
        'posts',
        size,
        [...posts].sort(newestFirst),
        ({ createdAt, id }) => ({ at: createdAt, id }),
        lengthOfPost,
      );
    if (asked.length === 0) return page([]);

    const start = after === undefined ? Number.MAX_SAFE_INTEGER : firstNumberOf(after.at) + ROOM;
    const heads: { readonly terms: readonly string[]; readonly numbers: number[] }[] = [];
    for (const word of asked) {
      const terms = await termsFor(word, session);
      const numbers = terms.length === 0 ? [] : await candidates(terms, start, STEPS[0] as number, session);
      if (numbers.length === 0) return page([]);
      heads.push({ terms, numbers });
    }
    const [rarest, ...others] = heads.sort((a, b) => rarity(b.numbers) - rarity(a.numbers)) as [Head, ...Head[]];

    let { numbers } = rarest;
    let examined = 0;
    let moment: number | undefined;
    for (let step = 0; ; step++) {
      let possible: readonly number[] = numbers;
      for (const { terms } of others) possible = await among(terms, possible, session);
      for await (const { n, post, terms } of read(possible, session)) {
        const isNext = moment !== undefined && momentOf(n) !== moment;
        if (isNext && found.length > size) return page(found);
        if (isNext && examined >= size + MAX_IN_VAIN) return endingEarly(page(found), { at: moment, id: '' });
        moment = momentOf(n);
        examined += 1;
        if (post === null || !asked.every((word) => terms.some((term) => term.startsWith(word)))) continue;
        if (after === undefined || newestFirst(post, { createdAt: after.at, id: after.id }) > 0) found.push(post);
      }
      const last = numbers.at(-1) as number;
      if (numbers.length < (STEPS[Math.min(step, STEPS.length - 1)] as number)) return page(found);
      const isOver = step >= STEPS.length - 1 && momentOf(last) < momentOf(start);
      if (isOver && found.length <= size) {
        // The last moment comes again: not all of its posts may have been among these.
        const whole = found.filter(({ createdAt }) => momentOf(firstNumberOf(createdAt)) > momentOf(last));
        return endingEarly(page(whole), { at: momentOf(last), id: LAST });
      }
      if (found.length > size && moment !== undefined && moment > momentOf(last)) return page(found);
      const next = STEPS[Math.min(step + 1, STEPS.length - 1)] as number;
      numbers = await candidates(rarest.terms, last, next, session);
      if (numbers.length === 0) return page(found);
    }
  }

  return { learn, find };
}

type Head = { readonly terms: readonly string[]; readonly numbers: number[] };
type SearchedPost = Pick<PostDocument, 'n' | 'post' | 'terms'>;

const NUMBER = { _id: 0, n: 1 } as const;

/** A word is the rarer, the farther back its first candidates go. */
function rarity(numbers: readonly number[]): number {
  return numbers.length < (STEPS[0] as number) ? Number.MAX_SAFE_INTEGER - numbers.length : -(numbers.at(-1) as number);
}

function endingEarly(
  page: { entries: Post[]; next: string | null },
  { at, id }: { at: number | undefined; id: string },
) {
  if (page.next !== null || at === undefined) return page;
  return { ...page, next: encodeCursor('posts', { at: new Date(at).toISOString(), id }) };
}

function oneOf(terms: readonly string[]) {
  return terms.length === 1 ? (terms[0] as string) : { $in: [...terms] };
}

function isLong(word: string): boolean {
  return lettersOf(word).length > MAX_BEGINNING;
}

/** The beginnings of a word that are indexed: of the first letter, of the first two, ... */
function beginningsOf(word: string): string[] {
  const letters = lettersOf(word).slice(0, MAX_BEGINNING);
  return letters.map((_, index) => letters.slice(0, index + 1).join(''));
}

/** The first letters of a word, one more than are indexed. */
function lettersOf(word: string): string[] {
  return [...word.slice(0, 2 * MAX_BEGINNING + 2)].slice(0, MAX_BEGINNING + 1);
}
