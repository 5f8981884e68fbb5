import { MongoClient } from 'mongodb';
import type { Post } from '../../contract/post.ts';
import { mongoCollections, orderOf, rankOf, type PostDocument } from './mongo-documents.ts';
import { indexedTerms, mongoSearch, numberOf } from './mongo-search.ts';
import { firstVersion } from './projection.ts';
import { postTerms } from './search-terms.ts';

/* A read model of many posts, whose words are as frequent as words are: a few in nearly every post, most in hardly any. */

const VOCABULARY = 8_000;
const FEEDS = 50;
const FIRST = Date.UTC(2025, 0, 1);
const BATCH = 2_000;

/** The word of this rank; each has a beginning that others have too. */
export function crowdWord(rank: number): string {
  const letters = 'etaoinshrdlcumwfgypbvk';
  const first = `${letters[rank % 22]}${letters[(rank * 7 + Math.floor(rank / 22)) % 22]}`;
  return `${first}${letters[Math.floor(rank / 9) % 22]}${rank.toString(36)}`;
}

/** Posts alternate between `evenly` and `oddly`, so that no post has both. */
export function crowdPost(n: number): Post {
  const random = randomFrom(n);
  const pick = (count: number) => Math.min(count - 1, Math.floor(count ** random()) - 1);
  const tags = [...new Set([`feed${pick(FEEDS)}`, ...(n % 2 === 0 ? [`feed${pick(FEEDS)}`] : [])])];
  const words = Array.from({ length: 18 }, () => crowdWord(pick(VOCABULARY)));
  return {
    id: `0190${n.toString(16).padStart(4, '0').slice(-4)}-0000-7000-8000-${n.toString(16).padStart(12, '0')}`,
    version: 1,
    title: `${crowdWord(pick(VOCABULARY))} ${n % 2 === 0 ? 'evenly' : 'oddly'}`,
    content: `${words.join(' ')} ${tags.map((tag) => `#${tag}`).join(' ')}`,
    author: `Author ${n % 300}`,
    tags,
    createdAt: new Date(FIRST + n * 60_000).toISOString(),
    editedAt: null,
  };
}

/** Puts them into an empty read model whose indexes are there. */
export async function fillWithCrowd(url: string, count: number): Promise<void> {
  const client = await MongoClient.connect(url);
  try {
    const collections = mongoCollections(client.db());
    const { learn } = mongoSearch(collections);
    const counts = new Map<string, number>();
    for (let first = 0; first < count; first += BATCH) {
      const posts = Array.from({ length: Math.min(BATCH, count - first) }, (_, index) => crowdPost(first + index));
      const documents = posts.map((post): PostDocument => {
        for (const tag of post.tags) counts.set(tag, (counts.get(tag) ?? 0) + 1);
        const place = { order: orderOf(post), n: numberOf(post) };
        return { _id: post.id, version: 1, tags: post.tags, ...place, post, terms: indexedTerms(postTerms(post)) };
      });
      await learn(documents.flatMap(({ terms }) => terms));
      await collections.posts.insertMany(documents, { ordered: false });
    }
    const lastActivity = crowdPost(count - 1).createdAt;
    const version = firstVersion(new Date());
    await collections.feeds.insertMany(
      [...counts].map(([_id, posts]) => {
        return { _id, version, posts, lastActivity, rank: rankOf(_id, posts, lastActivity), changes: [] };
      }),
    );
  } finally {
    await client.close();
  }
}

/** A few steps of a linear congruence: the same numbers for the same post, in every run. */
function randomFrom(seed: number): () => number {
  let state = (seed * 2_654_435_761 + 12_345) % 2 ** 32;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}
