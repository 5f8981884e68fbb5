import type { ClientSession, Filter } from 'mongodb';
import { FEED_LIST_SIZE, FEED_PAGE_SIZE, type FeedList, type FeedPage, type FeedSummary } from '../../contract/feed.ts';
import type { Post } from '../../contract/post.ts';
import type { FeedChange } from '../../contract/streams.ts';
import { parseTagPart } from '../../contract/tags.ts';
import { allOrNone, gather } from '../messaging/gather.ts';
import { cutPage, decodeCursor, lengthOfPost, pageLimit, type Position } from './cursor.ts';
import { feedChange } from './feed-change.ts';
import { orderOf, rankOf, type FeedDocument, type MongoCollections, type PostDocument } from './mongo-documents.ts';
import { mongoSearch } from './mongo-search.ts';
import type { MongoSessions } from './mongo-transaction.ts';
import { REMEMBERED_CHANGES } from './projection.ts';
import type { AppliedPost, Changes, PageQuery, ReadModel, ReadModelDocument, Versioned } from './read-model.ts';

export type MongoQueries = Omit<
  ReadModel,
  'apply' | 'recount' | 'forget' | 'isComplete' | 'markComplete' | 'prepare' | 'ping' | 'close'
>;

type ChangesQuery = { readonly name: string; readonly since: number };

type Ring = Pick<FeedDocument, 'version' | 'posts' | 'changes'>;

/** Changes of a feed that are read at first: clients that watch it seldom lack more than these. */
const RECENT_CHANGES = 32;
/** Feeds whose changes are read together at most. */
const MAX_FEEDS = 64;

/** After every string that we store: the last code point there is, which is no character. */
const LAST = '\u{10FFFF}';

/** What looks at more than one document, looks at all of them as they were at one moment, as SQLite does. */
export function mongoQueries(collections: MongoCollections, { snapshot }: MongoSessions): MongoQueries {
  const { posts, feeds, lists } = collections;
  const search = mongoSearch(collections);

  /** Posts that a filter finds, newest first; the index by tag and that by term have this order. */
  async function postsPage(filter: Filter<PostDocument>, { cursor, limit }: PageQuery, session: ClientSession) {
    const size = pageLimit(limit, FEED_PAGE_SIZE);
    const before = cursor === undefined ? LAST : orderOf(createdAtOf(decodeCursor('posts', cursor)));
    const found = await posts
      .find({ ...filter, order: { $lt: before } }, { session, projection: { post: 1 } })
      .sort({ order: -1 })
      .limit(size + 1)
      .toArray();
    return cutPage('posts', size, living(found), ({ createdAt, id }) => ({ at: createdAt, id }), lengthOfPost);
  }

  function feedPage(name: string, page: PageQuery = {}): Promise<Versioned<FeedPage>> {
    return snapshot(async (session) => {
      const projection = { version: 1, posts: 1 };
      const feed = await feeds.findOne({ _id: name }, { session, projection });
      const { entries, next } = await postsPage({ tags: name }, page, session);
      return { version: feed?.version ?? 0, state: { name, total: feed?.posts ?? 0, posts: entries, next } };
    });
  }

  /**
   * Streams that are watched here are told of together, and so read together: two round trips, however many feeds. A second
   * lane, so that a read which gets no answer does not hold up all.
   */
  const changesOfFeed = gather({
    lanes: 2,
    maxGroup: MAX_FEEDS,
    run: allOrNone((asked: readonly ChangesQuery[]) => snapshot((session) => readChanges(asked, session))),
  });

  async function readChanges(asked: readonly ChangesQuery[], session: ClientSession): Promise<Changes<FeedChange>[]> {
    const rings = await readRings(unique(asked.map(({ name }) => name)), RECENT_CHANGES, session);
    const farBack = asked.filter(({ name, since }) => (rings.get(name)?.version ?? 0) - since > RECENT_CHANGES);
    const moreOf = unique(farBack.map(({ name }) => name));
    for (const [name, ring] of await readRings(moreOf, REMEMBERED_CHANGES, session)) rings.set(name, ring);
    const told = asked.map(({ name, since }) => {
      const { version, posts: total, changes } = rings.get(name) ?? { version: 0, posts: 0, changes: [] };
      return { name, since, version, total, ids: changesSince(version, changes, since) };
    });
    const ids = unique(told.flatMap(({ ids }) => ids ?? []));
    const changed = posts.find({ _id: { $in: ids } }, { session, projection: { post: 1 } });
    const present = new Map(living(ids.length === 0 ? [] : await changed.toArray()).map((post) => [post.id, post]));
    return told.map(({ name, since, version, total, ids }) => {
      if (ids === undefined) return undefined;
      const put = unique(ids).flatMap((id) => present.get(id) ?? []);
      return { from: since, version, change: feedChange(name, total, ids, put) };
    });
  }

  async function readRings(
    names: readonly string[],
    changes: number,
    session: ClientSession,
  ): Promise<Map<string, Ring>> {
    if (names.length === 0) return new Map();
    const projection = { version: 1, posts: 1, changes: { $slice: -changes } };
    const found = await feeds.find({ _id: { $in: [...names] } }, { session, projection }).toArray();
    return new Map(found.map((feed) => [feed._id, feed]));
  }

  async function feedList(
    { cursor, limit, q = '' }: PageQuery & { q?: string },
    session: ClientSession,
  ): Promise<FeedList> {
    const size = pageLimit(limit, FEED_LIST_SIZE);
    const position = cursor === undefined ? undefined : decodeCursor('feeds', cursor);
    const before = position === undefined ? LAST : rankOf(position.id, 1, position.at);
    const part = parseTagPart(q);
    const found = await feeds
      .find(
        { rank: { $lt: before }, ...(part === '' ? {} : { _id: { $regex: escaped(part) } }) },
        { session, projection: { posts: 1, lastActivity: 1 } },
      )
      .sort({ rank: -1 })
      .limit(size + 1)
      .toArray();
    const page = cutPage('feeds', size, found.map(summary), ({ lastActivity, name }) => ({
      at: lastActivity,
      id: name,
    }));
    return { feeds: page.entries, next: page.next };
  }

  async function page(after: string | undefined, limit: number): Promise<AppliedPost[]> {
    const filter = after === undefined ? {} : { _id: { $gt: after } };
    const found = await snapshot((session) =>
      posts
        .find(filter, { session, projection: { version: 1, post: 1 } })
        .sort({ _id: 1 })
        .limit(limit)
        .toArray(),
    );
    return found.map(({ _id, version, post }) => ({ id: _id, version, post }));
  }

  async function postSnapshot(id: string): Promise<Versioned<Post | null>> {
    const projection = { version: 1, post: 1 };
    const found = await snapshot((session) => posts.findOne({ _id: id }, { session, projection }));
    return { version: found?.version ?? 0, state: found?.post ?? null };
  }

  return {
    page,
    post: async (id) => (await postSnapshot(id)).state ?? undefined,
    feed: async (name, query) => (await feedPage(name, query)).state,
    feeds: (query = {}) => snapshot((session) => feedList(query, session)),
    search: async (q, query = {}) => {
      const { entries, next } = await snapshot((session) => search.find(q, query, session));
      return { query: q, posts: entries, next };
    },

    feedSnapshot: (name) => feedPage(name),
    feedChanges: (name, since) => changesOfFeed({ name, since }),
    feedsSnapshot: () =>
      snapshot(async (session) => {
        const list = await lists.findOne({ _id: 'feeds' }, { session, projection: { version: 1 } });
        return { version: list?.version ?? 0, state: await feedList({}, session) };
      }),
    feedsChanges: (since) =>
      snapshot(async (session) => {
        const { version, changes } = (await lists.findOne({ _id: 'feeds' }, { session })) ?? {
          version: 0,
          changes: [],
        };
        const names = new Set<string>();
        for (const told of changesSince(version, changes, since) ?? [{ names: null }]) {
          if (told.names === null) return undefined;
          for (const name of told.names) names.add(name);
        }
        const found = await feeds
          .find({ _id: { $in: [...names] } }, { session, projection: { posts: 1, lastActivity: 1 } })
          .toArray();
        return { from: since, version, change: { feeds: found.map(summary) } };
      }),
    postSnapshot,

    dump: async function* (): AsyncIterable<ReadModelDocument> {
      for (let after: string | undefined; ;) {
        const applied = await page(after, 500);
        for (const post of applied) yield { kind: 'post', ...post };
        after = applied.at(-1)?.id;
        if (after === undefined) break;
      }
      const used = posts.aggregate<{ _id: string }>([{ $unwind: '$tags' }, { $group: { _id: '$tags' } }]).toArray();
      const counted = feeds.find({ posts: { $ne: 0 } }, { projection: { _id: 1 } }).toArray();
      const names = new Set([...(await used), ...(await counted)].map(({ _id }) => _id));
      for (const name of [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))) {
        yield await snapshot(async (session) => {
          const total = (await feeds.findOne({ _id: name }, { session }))?.posts ?? 0;
          const entries = posts.find({ tags: name }, { session, projection: { _id: 1 } }).sort({ order: -1 });
          const ids = (await entries.toArray()).map(({ _id }) => _id);
          return { kind: 'feed' as const, name, posts: total, ids };
        });
      }
    },
  };
}

/** The changes after a version, out of those that are remembered; `undefined` where they don't reach so far back. */
function changesSince<T>(version: number, remembered: readonly T[], since: number): readonly T[] | undefined {
  const wanted = version - since;
  if (!Number.isInteger(wanted) || wanted < 0 || wanted > remembered.length) return undefined;
  return remembered.slice(remembered.length - wanted);
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}

function living(found: readonly Pick<PostDocument, 'post'>[]): Post[] {
  return found.map(({ post }) => post).filter((post) => post !== null);
}

function summary({ _id, posts, lastActivity }: Pick<FeedDocument, '_id' | 'posts' | 'lastActivity'>): FeedSummary {
  return { name: _id, posts, lastActivity };
}

function createdAtOf({ at, id }: Position) {
  return { createdAt: at, id };
}

/** Text as a regular expression that finds just that, in PCRE, which does not know all escapes of `RegExp.escape`. */
function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
