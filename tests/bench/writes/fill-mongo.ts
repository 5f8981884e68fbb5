import { MongoClient } from 'mongodb';
import {
  mongoCollections,
  orderOf,
  rankOf,
  type FeedDocument,
  type PostDocument,
} from '../../../server/feeds/mongo-documents.ts';
import { indexedTerms, mongoSearch, numberOf } from '../../../server/feeds/mongo-search.ts';
import { firstVersion } from '../../../server/feeds/projection.ts';
import { oldPost, oldPostsIn, oldTerms, TAGS } from './posts.ts';

const BATCH = 2_000;

/** Puts `count` old posts and their feeds into an empty read model in MongoDB whose indexes are there. */
export async function fillMongo(url: string, count: number): Promise<void> {
  if (count === 0) return;
  const client = new MongoClient(url);
  try {
    const collections = mongoCollections(client.db());
    const { posts, feeds } = collections;
    const { learn } = mongoSearch(collections);
    for (let first = 0; first < count; first += BATCH) {
      const documents = Array.from({ length: Math.min(BATCH, count - first) }, (_, index) => document(first + index));
      await learn(documents.flatMap(({ terms }) => terms));
      await posts.insertMany(documents, { ordered: false });
    }
    const lastActivity = oldPost(count - 1).createdAt;
    const documents = TAGS.map((name): FeedDocument => {
      const inFeed = oldPostsIn(name, count);
      const rank = rankOf(name, inFeed, lastActivity);
      const version = firstVersion(new Date());
      return { _id: name, version, posts: inFeed, lastActivity, rank, changes: [] };
    });
    await feeds.insertMany(documents);
  } finally {
    await client.close();
  }
}

function document(n: number): PostDocument {
  const post = oldPost(n);
  const { id: _id, version, tags } = post;
  return { _id, version, tags, order: orderOf(post), n: numberOf(post), post, terms: indexedTerms(oldTerms(n)) };
}
