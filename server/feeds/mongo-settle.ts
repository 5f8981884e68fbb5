import type { Logger } from 'pino';
import { setTimeout as delay } from 'node:timers/promises';
import { bulk, rankOf, type FeedDocument, type MongoCollections, type PendingChange } from './mongo-documents.ts';
import { firstVersion, REMEMBERED_CHANGES } from './projection.ts';

/*
 * How a change of a post reaches the documents of its feeds exactly once, with any number of processes at work, each
 * of which may die or be paused at any point (docs/decisions/0001-mongodb-exactly-once.md). For each operation:
 *
 *   1. It is put into the post's `pending` by the same update that changes the post.
 *   2. Read the feed's document; then read the post's `pending`. An operation that is no longer there is done. Who has
 *      read the feed before he puts a new operation into `pending` need not look there again.
 *   3. If it is not in the feed's `open`: count it and put it into `open`, on the condition that the feed still has the
 *      version that was read. If it has not, go back to 2.
 *   4. Tell the list of feeds. Some time later take the operation out of `pending`; then out of `open`.
 *
 * Nobody counts it twice: who gets to 3 saw it pending, or made it so, after he had read the feed. Had it been counted
 * before that read, it was in `open` then, since it leaves `open` only after it has left `pending`; had it been counted
 * after that read, the version has changed. Nobody loses it: while it has not been counted, it is pending.
 */

export type Settler = {
  /**
   * Carries these pending changes (by id of post) through. Returns the names of the feeds concerned. `readBefore` are
   * feeds that were read before all of these changes were made.
   */
  settle(
    pending: ReadonlyMap<string, readonly PendingChange[]>,
    readBefore?: ReadonlyMap<string, FeedDocument>,
  ): Promise<Set<string>>;
  /** Those of these changes that this process has not carried through already. */
  notDone(changes: readonly PendingChange[]): PendingChange[];
  /** The documents that there are of these feeds. */
  findFeeds(names: readonly string[]): Promise<Map<string, FeedDocument>>;
  /** The documents of these feeds; those that are missing are made. */
  readFeeds(names: readonly string[]): Promise<Map<string, FeedDocument>>;
  /** Counts a change of these feeds in the list's stream. Doing it twice does no harm. */
  tellList(names: ReadonlySet<string>): Promise<void>;
  /** Does at once what is left of step 4. Never rejects: what can't be done now stays in place and does no harm. */
  tidy(): Promise<void>;
};

/** A change of the list that names more feeds than this is told as "read all again". */
const MAX_NAMES = 256;
/** Counted operations are tidied up together: after so many ms, or when there are so many of them. */
const TIDY_AFTER_MS = 50;
const TIDY_AT = 64;
/** So many operations are in `open` hardly but where crashes have left some of them there. */
const MANY_OPEN = 512;
/** Rounds of 2 and 3 after which something must be wrong; in each somebody gets on. */
const MAX_ROUNDS = 200;

export function mongoSettler({ posts, feeds, lists }: MongoCollections, clock: () => Date, logger: Logger): Settler {
  /** Operations that are through but for the last of step 4, and their feeds. */
  const untidy = new Map<string, string>();
  let timer: NodeJS.Timeout | undefined;
  let tidying = Promise.resolve();

  async function findFeeds(names: readonly string[]): Promise<Map<string, FeedDocument>> {
    if (names.length === 0) return new Map();
    const found = await feeds.find({ _id: { $in: [...names] } }, { projection: { changes: 0 } }).toArray();
    return new Map(found.map((feed) => [feed._id, feed]));
  }

  async function readFeeds(names: readonly string[]): Promise<Map<string, FeedDocument>> {
    const found = await findFeeds(names);
    const missing = names.filter((name) => !found.has(name));
    if (missing.length === 0) return found;
    const empty = { posts: 0, lastActivity: '', rank: null, changes: [], open: [], version: firstVersion(clock()) };
    const inserts = missing.map((_id) => ({
      updateOne: { filter: { _id }, update: { $setOnInsert: empty }, upsert: true },
    }));
    await bulk(feeds, inserts);
    return findFeeds(names);
  }

  async function readPending(ids: readonly string[]): Promise<PendingChange[]> {
    const found = await posts.find({ _id: { $in: [...ids] } }, { projection: { pending: 1 } }).toArray();
    return found.flatMap(({ pending }) => pending);
  }

  async function settle(
    known: ReadonlyMap<string, readonly PendingChange[]>,
    readBefore: ReadonlyMap<string, FeedDocument> = new Map(),
  ): Promise<Set<string>> {
    const ids = [...known.keys()];
    let settled: readonly PendingChange[] = [...known.values()].flat();
    const names = new Set(settled.map(({ feed }) => feed));
    if (names.size === 0) return names;

    let documents = readBefore;
    let isReadBefore = [...names].every((name) => readBefore.has(name));
    for (let round = 1; ; round++) {
      if (round > MAX_ROUNDS) throw new Error(`could not count changes of ${[...names].slice(0, 10).join(', ')}`);
      if (round > 3) await delay(Math.random() * round);
      if (!isReadBefore) {
        documents = await readFeeds([...names]);
        settled = notDone(await readPending(ids)).filter(({ feed }) => documents.has(feed));
      }
      const uncounted = settled.filter(({ op, feed }) => documents.get(feed)?.open.includes(op) === false);
      const updates = [...Map.groupBy(uncounted, ({ feed }) => feed)].map(([feed, changes]) =>
        countUpdate(documents.get(feed) as FeedDocument, changes),
      );
      if (await bulk(feeds, updates)) break;
      isReadBefore = false;
    }
    await tellList(names);
    tidySoon([...settled, ...left([...names].flatMap((name) => documents.get(name) ?? []))]);
    return names;
  }

  async function tellList(names: ReadonlySet<string>): Promise<void> {
    if (names.size === 0) return;
    const change = { names: names.size > MAX_NAMES ? null : [...names] };
    const update = { $inc: { version: 1 }, $push: { changes: { $each: [change], $slice: -REMEMBERED_CHANGES } } };
    const { matchedCount } = await lists.updateOne({ _id: 'feeds' }, update);
    if (matchedCount === 0) throw new Error('The read model has no list of feeds: was its database dropped? Restart.');
  }

  function tidySoon(counted: readonly Counted[]): void {
    for (const { op, feed } of counted) untidy.set(op, feed);
    if (untidy.size >= TIDY_AT) void tidy();
    else timer ??= setTimeout(() => void tidy(), TIDY_AFTER_MS).unref();
  }

  function tidy(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    return (tidying = tidying.then(async () => {
      const counted = [...untidy].map(([op, feed]) => ({ op, feed }));
      try {
        await takeOut(counted);
      } catch (err) {
        logger.warn({ err }, 'operations that are done stay in the read model until their feed is crowded');
      }
      for (const { op } of counted) untidy.delete(op);
    }));
  }

  function notDone(changes: readonly PendingChange[]): PendingChange[] {
    return changes.filter(({ op }) => !untidy.has(op));
  }

  /** Out of `pending` first, out of `open` second. */
  async function takeOut(counted: readonly Counted[]): Promise<void> {
    if (counted.length === 0) return;
    const ops = counted.map(({ op }) => op);
    const ids = [...new Set(ops.map(postOf))];
    const names = [...new Set(counted.map(({ feed }) => feed))];
    await posts.updateMany({ _id: { $in: ids } }, { $pull: { pending: { op: { $in: ops } } } });
    await feeds.updateMany({ _id: { $in: names } }, { $pull: { open: { $in: ops } } });
  }

  return { settle, notDone, findFeeds, readFeeds, tellList, tidy };
}

/** What a feed's document was counted up by, with the operation that is in its `open` for that. */
type Counted = Pick<PendingChange, 'op' | 'feed'>;

/** What crashes have left in `open`: it is counted, and the list has been told of these feeds since. */
function left(documents: readonly FeedDocument[]): Counted[] {
  const crowded = documents.filter(({ open }) => open.length > MANY_OPEN);
  return crowded.flatMap(({ _id: feed, open }) => open.map((op) => ({ op, feed })));
}

/** Step 3 for one feed: all or nothing, and only in the version that was read. */
function countUpdate({ _id, version, posts, lastActivity }: FeedDocument, changes: readonly PendingChange[]) {
  const count = changes.reduce((sum, { delta }) => sum + delta, posts);
  const latest = changes.reduce((latest, { at }) => (at > latest ? at : latest), lastActivity);
  const update = {
    $set: { version: version + changes.length, posts: count, lastActivity: latest, rank: rankOf(_id, count, latest) },
    $push: {
      changes: { $each: changes.map(({ op }) => postOf(op)), $slice: -REMEMBERED_CHANGES },
      open: { $each: changes.map(({ op }) => op) },
    },
  };
  return { updateOne: { filter: { _id, version }, update } };
}

/** An operation's name, unique for all time. */
export function newOp(postId: string, unique: string): string {
  return `${postId} ${unique}`;
}

function postOf(op: string): string {
  return op.slice(0, op.lastIndexOf(' '));
}
