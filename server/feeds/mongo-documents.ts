import { MongoBulkWriteError, type Collection, type CollectionOptions, type Db } from 'mongodb';
import type { Post } from '../../contract/post.ts';

/**
 * A post with all its places in feeds: a change of the post and of every feed's entries is one atomic update.
 * What it changes in the documents of the feeds is noted in `pending` by the same update (mongo-settle.ts).
 */
export type PostDocument = {
  readonly _id: string;
  readonly version: number;
  /** Feeds that it is in; none for a deleted post. */
  readonly tags: readonly string[];
  /** Its place in every feed: time of creation and id, so that a page is one range of the index by tag. */
  readonly order: string;
  /** `null` for a deleted post. */
  readonly post: Post | null;
  readonly terms: readonly string[];
  /** Names this state of this document (but for `pending`), unique for all time: who writes, says what he has seen. */
  readonly token: string;
  readonly pending: readonly PendingChange[];
};

/** A change of a feed's document that is to follow from a change of a post. */
export type PendingChange = {
  /** Unique; begins with the post's id. */
  readonly op: string;
  readonly feed: string;
  readonly delta: -1 | 0 | 1;
  readonly at: string;
};

/** What is kept of a feed beside its posts. It stays when the feed is empty, so that its version only grows. */
export type FeedDocument = {
  readonly _id: string;
  readonly version: number;
  readonly posts: number;
  readonly lastActivity: string;
  /** Its place in the list of feeds: last activity and name; `null` when it is empty. */
  readonly rank: string | null;
  /** Ids of the posts of the last versions, one per version, the present one last. */
  readonly changes: readonly string[];
  /** Operations that this document has, but which may still be pending at their post. */
  readonly open: readonly string[];
};

/** The stream of the list of feeds. `names` is `null` where too many feeds changed at once to be named. */
export type ListDocument = {
  readonly _id: 'feeds';
  readonly version: number;
  readonly changes: readonly { readonly names: readonly string[] | null }[];
  /** Set once a rebuild has gone through to its end. */
  readonly complete?: true;
};

export type MongoCollections = {
  readonly posts: Collection<PostDocument>;
  readonly feeds: Collection<FeedDocument>;
  readonly lists: Collection<ListDocument>;
};

export function mongoCollections(database: Db, options: CollectionOptions = {}): MongoCollections {
  return {
    posts: database.collection('posts', options),
    feeds: database.collection('feeds', options),
    lists: database.collection('lists', options),
  };
}

/** Makes what is missing of the indexes; several processes may do so at once. */
export async function createIndexes({ posts, feeds }: MongoCollections): Promise<void> {
  await posts.createIndexes([
    // An update finds the one state that it may follow by one key.
    { name: 'token', key: { token: 1 }, unique: true },
    { name: 'by_tag', key: { tags: 1, order: -1 } },
    { name: 'by_term', key: { terms: 1, order: -1 } },
    { name: 'pending', key: { 'pending.feed': 1 }, sparse: true },
  ]);
  await feeds.createIndexes([{ name: 'by_rank', key: { rank: -1 } }]);
}

export function orderOf({ createdAt, id }: { createdAt: string; id: string }): string {
  return `${createdAt} ${id}`;
}

export function rankOf(name: string, posts: number, lastActivity: string): string | null {
  return posts > 0 ? `${lastActivity} ${name}` : null;
}

/**
 * Runs an unordered bulk, and says whether each of its parts took effect: found its document, or made it. To lose a race
 * for making a document is no error here.
 */
export async function bulk<T extends { _id: string }>(
  collection: Collection<T>,
  parts: readonly Parameters<Collection<T>['bulkWrite']>[0][number][],
): Promise<boolean> {
  if (parts.length === 0) return true;
  try {
    const { matchedCount, upsertedCount, insertedCount } = await collection.bulkWrite(parts, { ordered: false });
    return matchedCount + upsertedCount + insertedCount === parts.length;
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError)) throw error;
    const errors = [error.writeErrors].flat();
    if (errors.length === 0 || errors.some(({ code }) => code !== DUPLICATE_KEY)) throw error;
    return false;
  }
}

const DUPLICATE_KEY = 11_000;
