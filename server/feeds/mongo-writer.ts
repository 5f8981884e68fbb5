import { ObjectId } from 'mongodb';
import type { Logger } from 'pino';
import { feedStream, postStream, type StreamName } from '../../contract/streams.ts';
import { COUNT_ONLY } from './feed-change.ts';
import {
  bulk,
  orderOf,
  rankOf,
  type FeedDocument,
  type MongoCollections,
  type PendingChange,
  type PostDocument,
} from './mongo-documents.ts';
import { mongoSettler, newOp } from './mongo-settle.ts';
import { activityAt, project, REMEMBERED_CHANGES, streamsOf, type Projection } from './projection.ts';
import type { PostState } from './read-model.ts';
import { postTerms } from './search-terms.ts';

/** What changes the read model's documents; see read-model.ts. Any number of processes may do so at once. */
export type MongoWriter = {
  apply(states: readonly PostState[]): Promise<StreamName[]>;
  recount(): Promise<string[]>;
  forget(id: string): Promise<StreamName[]>;
  /** Ends what still goes on behind the calls that have resolved; see `Settler`. */
  tidy(): Promise<void>;
};

type Known = Pick<PostDocument, '_id' | 'version' | 'tags' | 'token' | 'pending'>;

/** Tries after which something must be wrong: in each of them somebody else got on. */
const MAX_TRIES = 100;
const KNOWN = { version: 1, tags: 1, token: 1, pending: 1 } as const;

export function mongoWriter(collections: MongoCollections, clock: () => Date, logger: Logger): MongoWriter {
  const { posts, feeds } = collections;
  const { settle, notDone, findFeeds, readFeeds, tellList, tidy } = mongoSettler(collections, clock, logger);

  async function apply(states: readonly PostState[]): Promise<StreamName[]> {
    const streams = new Set<StreamName>();
    for (const { post } of states)
      for (const name of [postStream(post.id), ...post.tags.map(feedStream)]) streams.add(name);
    const newest = newestOfEach(states);
    const names = [...new Set(states.flatMap(({ post }) => post.tags))];
    const pending = new Map<string, PendingChange[]>();
    let readBefore = new Map<string, FeedDocument>();

    for (let tries = 0; ; tries++) {
      if (tries > MAX_TRIES) throw new Error(`could not write posts ${[...newest.keys()].slice(0, 10).join(', ')}`);
      // A first version is taken for new. If it is not, its insert is refused, and the second try knows.
      const ids = [...newest].filter(([, { version }]) => version > 1 || tries > 0).map(([id]) => id);
      const [known, read] = await Promise.all([readKnown(ids), findFeeds(names)]);
      for (const document of known.values()) pending.set(document._id, notDone(document.pending));
      // What was pending already may have been counted before that read, and done since.
      const isAllNew = [...pending.values()].every((changes) => changes.length === 0);
      readBefore = isAllNew ? read : new Map();
      const writes = [];
      for (const [id, state] of newest) {
        const last = known.get(id);
        const projection = project(last, state);
        if (projection === 'stale') continue;
        const changes = changesOf(projection, clock());
        writes.push(writeOf(last, projection, state, changes));
        pending.set(id, [...notDone(last?.pending ?? []), ...changes]);
        for (const stream of streamsOf(projection)) streams.add(stream);
      }
      // Who lost a race reads again what the other has made of the post.
      if (await bulk(posts, writes)) break;
    }

    for (const feed of await settle(pending, readBefore)) streams.add(feedStream(feed));
    if ([...streams].some((stream) => stream.startsWith('feed:'))) streams.add('feeds');
    return [...streams];
  }

  async function readKnown(ids: readonly string[]): Promise<Map<string, Known>> {
    if (ids.length === 0) return new Map();
    const found = await posts.find({ _id: { $in: [...ids] } }, { projection: KNOWN }).toArray();
    return new Map(found.map((document) => [document._id, document]));
  }

  async function forget(id: string): Promise<StreamName[]> {
    const streams = new Set<StreamName>();
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const last = (await readKnown([id])).get(id);
      if (last === undefined) return [...streams];
      streams.add(postStream(id));
      if (last.tags.length === 0 && last.pending.length === 0) {
        await posts.deleteOne({ token: last.token });
        continue;
      }
      // First a tombstone that takes it out of its feeds, as a deletion would.
      const at = clock().toISOString();
      const changes = last.tags.map((feed) => pendingChange(id, feed, -1, at));
      const update = {
        $set: { tags: [], terms: [], post: null, token: newToken() },
        $push: { pending: { $each: changes } },
      };
      const { matchedCount } = await posts.updateOne({ token: last.token }, update);
      if (matchedCount === 0) continue;
      for (const feed of await settle(new Map([[id, [...notDone(last.pending), ...changes]]]))) {
        streams.add(feedStream(feed)).add('feeds');
      }
      await tidy();
    }
    throw new Error(`could not forget post ${id}`);
  }

  async function recount(): Promise<string[]> {
    await settlePending({ 'pending.feed': { $gte: '' } });
    const used = posts.aggregate<{ _id: string }>([{ $unwind: '$tags' }, { $group: { _id: '$tags' } }]).toArray();
    const kept = feeds.find({}, { projection: { _id: 1 } }).toArray();
    const names = new Set([...(await kept), ...(await used)].map(({ _id }) => _id));
    const mended: string[] = [];
    for (const name of names) if (await recountFeed(name)) mended.push(name);
    await tellList(new Set(mended));
    return mended;
  }

  /**
   * Compares the count with the posts at a moment when nothing is under way in this feed: the version is the same before
   * and after, and no operation was pending. True when the count was wrong.
   */
  async function recountFeed(name: string): Promise<boolean> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const feed = (await readFeeds([name])).get(name);
      const count = await posts.countDocuments({ tags: name });
      if (await settlePending({ 'pending.feed': name })) continue;
      if (feed === undefined) continue;
      const { version, posts: counted, lastActivity, rank } = feed;
      const right = rankOf(name, count, lastActivity);
      const wrong = counted !== count || rank !== right;
      const update = {
        $set: { posts: count, rank: right, version: version + 1 },
        $push: { changes: { $each: [COUNT_ONLY], $slice: -REMEMBERED_CHANGES } },
      };
      const { matchedCount } = wrong
        ? await feeds.updateOne({ _id: name, version }, update)
        : { matchedCount: await feeds.countDocuments({ _id: name, version }) };
      if (matchedCount === 1) return wrong;
    }
    logger.warn({ feed: name }, 'could not recount this feed, since it never stood still');
    return false;
  }

  /** Carries through what is pending, and says whether something was. */
  async function settlePending(filter: Record<string, unknown>): Promise<boolean> {
    const found = await posts.find(filter, { projection: { pending: 1 } }).toArray();
    await settle(new Map(found.map(({ _id, pending }) => [_id, notDone(pending)])));
    await tidy();
    return found.length > 0;
  }

  return { apply, recount, forget, tidy };
}

/** The write of one post, which happens only if the document is still the one that was read, or still missing. */
function writeOf(last: Known | undefined, { document }: Projection, { post }: PostState, changes: PendingChange[]) {
  const content = {
    version: document.version,
    tags: document.tags,
    order: orderOf(post),
    post: document.post,
    terms: document.post === null ? [] : postTerms(document.post),
    token: newToken(),
  };
  if (last === undefined) return { insertOne: { document: { _id: document.id, ...content, pending: changes } } };
  const update = { $set: content, $push: { pending: { $each: changes } } };
  return { updateOne: { filter: { token: last.token }, update } };
}

function changesOf(projection: Projection, now: Date): PendingChange[] {
  const { added, kept, removed, document } = projection;
  const at = activityAt(projection, now);
  return [
    ...removed.map((feed) => pendingChange(document.id, feed, -1, at)),
    ...kept.map((feed) => pendingChange(document.id, feed, 0, at)),
    ...added.map((feed) => pendingChange(document.id, feed, 1, at)),
  ];
}

function pendingChange(postId: string, feed: string, delta: -1 | 0 | 1, at: string): PendingChange {
  return { op: newOp(postId, newToken()), feed, delta, at };
}

function newToken(): string {
  return new ObjectId().toHexString();
}

function newestOfEach(states: readonly PostState[]): Map<string, PostState> {
  const newest = new Map<string, PostState>();
  for (const state of states) {
    const other = newest.get(state.post.id);
    if (other === undefined || other.version < state.version) newest.set(state.post.id, state);
  }
  return newest;
}
