import type { ClientSession } from 'mongodb';
import { feedStream, postStream, type StreamName } from '../../contract/streams.ts';
import { COUNT_ONLY } from './feed-change.ts';
import { orderOf, type MongoCollections, type PostDocument } from './mongo-documents.ts';
import { isDuplicate } from './mongo-errors.ts';
import { indexedTerms, mongoSearch, numberOf } from './mongo-search.ts';
import type { MongoSessions } from './mongo-transaction.ts';
import { activityAt, firstVersion, project, REMEMBERED_CHANGES, streamsOf, type Projection } from './projection.ts';
import type { PostState } from './read-model.ts';
import { postTerms } from './search-terms.ts';

/** What changes the read model's documents; see read-model.ts. Any number of processes may do so at once. */
export type MongoWriter = {
  apply(states: readonly PostState[]): Promise<StreamName[]>;
  recount(): Promise<string[]>;
  forget(id: string): Promise<StreamName[]>;
};

/** Where a post stands among others. */
type Place = Pick<PostDocument, 'order' | 'n'>;

/** What one post changes in one feed. */
type FeedStep = { readonly feed: string; readonly delta: -1 | 0 | 1; readonly postId: string; readonly at: string };

/** A change of the list that names more feeds than this is told as "read all again". */
const MAX_NAMES = 256;

export function mongoWriter(
  collections: MongoCollections,
  { transaction, snapshot }: MongoSessions,
  clock: () => Date,
): MongoWriter {
  const { posts, feeds, lists } = collections;
  const { learn } = mongoSearch(collections);

  async function apply(states: readonly PostState[]): Promise<StreamName[]> {
    const newest = [...newestOfEach(states).values()];
    const names = [...new Set(states.flatMap(({ post }) => post.tags))];
    const words = new Map(newest.map(({ post, deleted }) => [post.id, deleted ? [] : postTerms(post)]));
    await learn([...words.values()].flat());
    // First versions are taken for new. If one is not, its insert is refused, and the next try looks.
    let areNew = newest.every(({ version }) => version === 1);
    const projections = await transaction(async (session) => {
      if (areNew) await tellList(names, session);
      else await takeTurn(session);
      const known = areNew ? undefined : await readKnown(newest, session);
      const projections = newest
        .map((state) => project(known?.get(state.post.id), state))
        .filter((projection) => projection !== 'stale');
      if (projections.length === 0) {
        await session.abortTransaction(); // takes the turn back
        return [];
      }
      const now = clock();
      const steps = projections.flatMap((projection) => stepsOf(projection, activityAt(projection, now)));
      try {
        await putPosts(projections, newest, words, areNew, session);
      } catch (error) {
        if (isDuplicate(error)) areNew = false;
        throw error;
      }
      await changeFeeds(steps, session);
      if (known !== undefined) await tellList([...new Set(steps.map(({ feed }) => feed))], session);
      return projections;
    });
    const streams = new Set<StreamName>([...projections.flatMap(streamsOf), ...names.map(feedStream)]);
    for (const { post } of states) streams.add(postStream(post.id));
    if ([...streams].some((stream) => stream.startsWith('feed:'))) streams.add('feeds');
    return [...streams];
  }

  /** Tags and versions are all that the projection needs to know. */
  async function readKnown(states: readonly PostState[], session: ClientSession) {
    const filter = { _id: { $in: states.map(({ post }) => post.id) } };
    const found = await posts.find(filter, { session, projection: { version: 1, tags: 1 } }).toArray();
    return new Map(found.map((document) => [document._id, document]));
  }

  async function putPosts(
    projections: readonly Projection[],
    states: readonly PostState[],
    words: ReadonlyMap<string, readonly string[]>,
    areNew: boolean,
    session: ClientSession,
  ) {
    const places = new Map(states.map(({ post }) => [post.id, { order: orderOf(post), n: numberOf(post) }]));
    const writes = projections.map(({ document: { id, version, tags, post } }) => {
      const terms = indexedTerms(words.get(id) ?? []);
      const document: PostDocument = { _id: id, version, tags, ...(places.get(id) as Place), post, terms };
      if (areNew) return { insertOne: { document } };
      return { replaceOne: { filter: { _id: id }, replacement: document, upsert: true } };
    });
    await posts.bulkWrite(writes, { session, ordered: false });
  }

  /** Count, version, list of changes and place in the list go together, in one update of each feed. */
  async function changeFeeds(steps: readonly FeedStep[], session: ClientSession): Promise<void> {
    if (steps.length === 0) return;
    const first = firstVersion(clock());
    const writes = [...Map.groupBy(steps, ({ feed }) => feed)].map(([_id, changes]) => ({
      updateOne: { filter: { _id }, update: feedUpdate(changes, first), upsert: true },
    }));
    await feeds.bulkWrite(writes, { session, ordered: false });
  }

  /**
   * Makes transactions come one after the other by writing what the others write too. Begun with this, one that can't go
   * on now finds that out at once, and one that can has no conflict later.
   */
  async function takeTurn(session: ClientSession): Promise<void> {
    await lists.updateOne({ _id: 'feeds' }, { $inc: { turns: 1 } }, { session });
  }

  async function tellList(names: readonly string[], session: ClientSession): Promise<void> {
    if (names.length === 0) return;
    const change = { names: names.length > MAX_NAMES ? null : names };
    const update = { $inc: { version: 1 }, $push: { changes: { $each: [change], $slice: -REMEMBERED_CHANGES } } };
    const { matchedCount } = await lists.updateOne({ _id: 'feeds' }, update, { session });
    if (matchedCount === 0) throw new Error('The read model has no list of feeds: was its database dropped? Restart.');
  }

  async function forget(id: string): Promise<StreamName[]> {
    const tags = await transaction(async (session) => {
      await takeTurn(session);
      const last = await posts.findOneAndDelete({ _id: id }, { session, projection: { tags: 1 } });
      if (last === null) return undefined;
      const at = clock().toISOString();
      await changeFeeds(
        last.tags.map((feed) => ({ feed, delta: -1, postId: id, at })),
        session,
      );
      await tellList(last.tags, session);
      return last.tags;
    });
    if (tags === undefined) return [];
    return [postStream(id), ...(tags.length === 0 ? [] : [...tags.map(feedStream), 'feeds' as const])];
  }

  async function recount(): Promise<string[]> {
    const suspects = await snapshot(async (session) => {
      const counts = await posts
        .aggregate<{ _id: string; posts: number }>(
          [{ $project: { tags: 1 } }, { $unwind: '$tags' }, { $group: { _id: '$tags', posts: { $sum: 1 } } }],
          { session, allowDiskUse: true },
        )
        .toArray();
      const real = new Map(counts.map(({ _id, posts }) => [_id, posts]));
      const counted = await feeds.find({}, { session, projection: { posts: 1 } }).toArray();
      const all = new Map(counted.map(({ _id, posts }) => [_id, posts]));
      return [...new Set([...real.keys(), ...all.keys()])].filter((name) => (real.get(name) ?? 0) !== all.get(name));
    });
    const mended: string[] = [];
    for (const name of suspects) if (await recountFeed(name)) mended.push(name);
    return mended;
  }

  /** True when the count was wrong. */
  function recountFeed(name: string): Promise<boolean> {
    return transaction(async (session) => {
      await takeTurn(session);
      const real = await posts.countDocuments({ tags: name }, { session });
      const feed = await feeds.findOne({ _id: name }, { session, projection: { posts: 1 } });
      const delta = real - (feed?.posts ?? 0);
      if (delta === 0) return false;
      const step = { postId: COUNT_ONLY, at: feed === null ? clock().toISOString() : '', delta };
      await feeds.updateOne({ _id: name }, feedUpdate([step], firstVersion(clock())), { session, upsert: true });
      await tellList([name], session);
      return true;
    });
  }

  return { apply, recount, forget };
}

/** One more version for each change. A feed that is not there begins at `first`. */
function feedUpdate(changes: readonly { delta: number; postId: string; at: string }[], first: number) {
  const delta = changes.reduce((sum, each) => sum + each.delta, 0);
  const latest = changes.reduce((latest, { at }) => (at > latest ? at : latest), '');
  const ids = changes.map(({ postId }) => postId);
  return [
    {
      $set: {
        version: { $add: [{ $ifNull: ['$version', first] }, changes.length] },
        posts: { $add: [{ $ifNull: ['$posts', 0] }, delta] },
        lastActivity: { $max: ['$lastActivity', { $literal: latest }] },
        changes: {
          $slice: [{ $concatArrays: [{ $ifNull: ['$changes', []] }, { $literal: ids }] }, -REMEMBERED_CHANGES],
        },
      },
    },
    // As rankOf (mongo-documents.ts) has it.
    { $set: { rank: { $cond: [{ $gt: ['$posts', 0] }, { $concat: ['$lastActivity', ' ', '$_id'] }, null] } } },
  ];
}

function stepsOf({ added, kept, removed, document: { id: postId } }: Projection, at: string): FeedStep[] {
  return [
    ...removed.map((feed) => ({ feed, delta: -1 as const, postId, at })),
    ...kept.map((feed) => ({ feed, delta: 0 as const, postId, at })),
    ...added.map((feed) => ({ feed, delta: 1 as const, postId, at })),
  ];
}

function newestOfEach(states: readonly PostState[]): Map<string, PostState> {
  const newest = new Map<string, PostState>();
  for (const state of states) {
    const other = newest.get(state.post.id);
    if (other === undefined || other.version < state.version) newest.set(state.post.id, state);
  }
  return newest;
}
