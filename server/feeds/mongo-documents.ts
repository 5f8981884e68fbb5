import type { Collection, CollectionOptions, Db } from 'mongodb';
import type { Post } from '../../contract/post.ts';

/** A post with all its places in feeds: a page of a feed is one range of the index by tag. */
export type PostDocument = {
  readonly _id: string;
  readonly version: number;
  /** Feeds that it is in; none for a deleted post. */
  readonly tags: readonly string[];
  /** Its place in every feed: time of creation and id. */
  readonly order: string;
  /** `null` for a deleted post. */
  readonly post: Post | null;
  /** Grows with the time of creation (mongo-search.ts). */
  readonly n: number;
  /** Words, and beginnings of words (mongo-search.ts). */
  readonly terms: readonly string[];
};

/** A word that some post has, or had. */
export type WordDocument = { readonly _id: string };

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
};

/** The stream of the list of feeds. `names` is `null` where too many feeds changed at once to be named. */
export type ListDocument = {
  readonly _id: 'feeds';
  readonly version: number;
  readonly changes: readonly { readonly names: readonly string[] | null }[];
  /** Counted up by writers that are to come one after the other; says nothing. */
  readonly turns: number;
  /** The collections (their ids) that a rebuild has gone through to its end in. */
  readonly completeIn?: string;
};

export type MongoCollections = {
  readonly posts: Collection<PostDocument>;
  readonly feeds: Collection<FeedDocument>;
  readonly lists: Collection<ListDocument>;
  readonly words: Collection<WordDocument>;
};

/**
 * The shape of the documents, and part of their collections' names: a release with another shape begins with empty
 * collections, which are filled from the write model as any read model that is not complete, while processes of the
 * release before go on with theirs.
 */
const SHAPE = 2;
const OLD_COLLECTIONS = ['posts', 'feeds', 'lists'];

export function mongoCollections(database: Db, options: CollectionOptions = {}): MongoCollections {
  return {
    posts: database.collection(`posts_${SHAPE}`, options),
    feeds: database.collection(`feeds_${SHAPE}`, options),
    lists: database.collection(`lists_${SHAPE}`, options),
    words: database.collection(`words_${SHAPE}`, options),
  };
}

/** Takes away what releases with another shape have left. */
export async function dropOldCollections(database: Db): Promise<void> {
  const present = await database.listCollections({ name: { $in: OLD_COLLECTIONS } }, { nameOnly: true }).toArray();
  for (const { name } of present) await database.dropCollection(name);
}

/** Makes what is missing of the indexes; several processes may do so at once. */
export async function createIndexes({ posts, feeds }: MongoCollections): Promise<void> {
  await posts.createIndexes([
    { name: 'by_tag', key: { tags: 1, order: -1 } },
    // The largest by far: compressed it takes a third, and is no slower to write.
    {
      name: 'by_term',
      key: { terms: 1, n: -1 },
      storageEngine: { wiredTiger: { configString: 'block_compressor=zstd' } },
    },
    { name: 'by_number', key: { n: -1 } },
  ]);
  await feeds.createIndexes([{ name: 'by_rank', key: { rank: -1 } }]);
}

export function orderOf({ createdAt, id }: { createdAt: string; id: string }): string {
  return `${createdAt} ${id}`;
}

export function rankOf(name: string, posts: number, lastActivity: string): string | null {
  return posts > 0 ? `${lastActivity} ${name}` : null;
}
