import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { newestFirst } from '../../contract/order.ts';
import type { Post } from '../../contract/post.ts';
import type { PostStore, StoredPost } from '../posts/post-store.ts';
import { encodeCursor } from './cursor.ts';
import type { ReadModel } from './read-model.ts';

export type VerifyFeedsOptions = {
  readonly store: PostStore;
  readonly readModel: ReadModel;
  readonly graceMs: number;
  readonly batchSize: number;
  readonly signal?: AbortSignal;
};

export type FeedDifference =
  | { readonly kind: 'feed-count'; readonly feed: string; readonly count: number; readonly posts: number }
  | {
      readonly kind: 'feed-missing-post' | 'feed-extra-post' | 'feed-order';
      readonly feed: string;
      readonly id: string;
    }
  | { readonly kind: 'feed-unlisted' | 'feed-listed'; readonly feed: string };

/** What is remembered of a feed's posts in the first look: how many, and the sum of their hashes, in any order. */
type Tally = { posts: number; hash: bigint };

/** Looks at a feed that must all see the same error. */
const LOOKS = 3;
/** Looks at a feed that does not stand still, before nothing is said of its count. */
const MAX_LOOKS = 20;

/**
 * Compares every feed, its count, and its place in the list with the write model. The first look compares sums; feeds in
 * which these differ are looked at again after the grace period, post by post.
 */
export async function* verifyFeeds(options: VerifyFeedsOptions): AsyncGenerator<FeedDifference> {
  const { store, readModel, graceMs, batchSize, signal } = options;
  const expected = new Map<string, Tally>();
  for await (const { id, tags, createdAt } of livingPosts(store, batchSize, signal)) {
    for (const tag of new Set(tags)) {
      const tally = expected.get(tag) ?? { posts: 0, hash: 0n };
      expected.set(tag, { posts: tally.posts + 1, hash: tally.hash + hashOf(createdAt, id) });
    }
  }
  const listed = await listedNames(readModel, signal);
  const suspects = new Set<string>();
  for (const feed of new Set([...expected.keys(), ...listed])) {
    signal?.throwIfAborted();
    const actual: Tally = { posts: 0, hash: 0n };
    const { total, misplaced } = await walk(readModel, feed, ({ createdAt, id }) => {
      actual.posts++;
      actual.hash += hashOf(createdAt, id);
    });
    const { posts, hash } = expected.get(feed) ?? { posts: 0, hash: 0n };
    const same = posts === actual.posts && hash === actual.hash && total === posts && listed.has(feed) === posts > 0;
    if (!same || misplaced !== undefined) suspects.add(feed);
  }
  if (suspects.size === 0) return;

  await delay(graceMs, undefined, { signal });
  const expectedIds = new Map([...suspects].map((feed) => [feed, new Map<string, string>()]));
  for await (const { id, tags, createdAt } of livingPosts(store, batchSize, signal)) {
    for (const tag of tags) expectedIds.get(tag)?.set(id, createdAt);
  }
  for (const [feed, ids] of expectedIds) yield* examine(options, feed, ids);
}

/** One feed, post by post. Of a post that has just been written nothing is said. */
async function* examine(
  options: VerifyFeedsOptions,
  feed: string,
  expected: ReadonlyMap<string, string>,
): AsyncGenerator<FeedDifference> {
  const { store, readModel } = options;
  const { total, actual, misplaced, isListed } = await lookAtSteady(options, feed);
  if (misplaced !== undefined) yield { kind: 'feed-order', feed, id: misplaced };
  if (total !== actual.size) yield { kind: 'feed-count', feed, count: total, posts: actual.size };
  if (total > 0 && !isListed) yield { kind: 'feed-unlisted', feed };
  if (total === 0 && isListed) yield { kind: 'feed-listed', feed };
  for (const [id, createdAt] of new Map([...expected, ...actual])) {
    if (expected.get(id) === actual.get(id)) continue;
    const stored = await store.get(id);
    const applied = await readModel.postSnapshot(id);
    const present = await contains(readModel, feed, createdAt, id);
    const again = await store.get(id);
    const settled = stored?.version === again?.version && stored?.version === applied.state?.version;
    const belongs = stored?.tags.includes(feed) === true;
    if (!settled || belongs === present) continue;
    yield { kind: belongs ? 'feed-missing-post' : 'feed-extra-post', feed, id };
  }
}

type Look = { total: number; actual: Map<string, string>; misplaced: string | undefined; isListed: boolean };

/**
 * The last of some looks at a feed. While it is written to, posts and count may be seen at different moments; so what
 * looks wrong is looked at again after the grace period, until it is right or was wrong by as much three times.
 */
async function lookAtSteady({ readModel, graceMs, signal }: VerifyFeedsOptions, feed: string): Promise<Look> {
  const errors: number[] = [];
  for (;;) {
    signal?.throwIfAborted();
    const actual = new Map<string, string>();
    const { total, misplaced } = await walk(readModel, feed, ({ id, createdAt }) => actual.set(id, createdAt));
    const isListed = (await listedNames(readModel, signal, feed)).has(feed);
    const look = { total, actual, misplaced, isListed };
    const error = total - actual.size;
    if (error === 0 && misplaced === undefined && isListed === total > 0) return look;
    errors.push(error);
    if (errors.length >= LOOKS && errors.slice(-LOOKS).every((each) => each === error)) return look;
    // Wrong by another number each time is a feed that never stands still, not a count that is wrong.
    if (errors.length >= MAX_LOOKS) return { ...look, total: actual.size, isListed: actual.size > 0 };
    await delay(graceMs, undefined, { signal });
  }
}

/** All posts of a feed, newest first; `misplaced` is one that does not come after the one before it. */
async function walk(
  readModel: ReadModel,
  feed: string,
  visit: (post: Post) => void,
): Promise<{ total: number; misplaced: string | undefined }> {
  let last: Post | undefined;
  let misplaced: string | undefined;
  for (let cursor: string | undefined; ;) {
    const { posts, total, next } = await readModel.feed(feed, { cursor, limit: 500 });
    for (const post of posts) {
      if (last !== undefined && newestFirst(last, post) >= 0) misplaced ??= post.id;
      visit((last = post));
    }
    if (next === null) return { total, misplaced };
    cursor = next;
  }
}

/** True when a post stands in its place in a feed: the first entry not newer than it. */
async function contains(readModel: ReadModel, feed: string, createdAt: string, id: string): Promise<boolean> {
  const cursor = encodeCursor('posts', { at: createdAt, id: `${id}\0` });
  const { posts } = await readModel.feed(feed, { cursor, limit: 1 });
  return posts[0]?.id === id;
}

async function listedNames(readModel: ReadModel, signal?: AbortSignal, q?: string): Promise<Set<string>> {
  const names = new Set<string>();
  for (let cursor: string | undefined; ;) {
    signal?.throwIfAborted();
    const { feeds, next } = await readModel.feeds({ cursor, limit: 1000, q });
    for (const { name } of feeds) names.add(name);
    if (next === null) return names;
    cursor = next;
  }
}

async function* livingPosts(store: PostStore, limit: number, signal?: AbortSignal): AsyncGenerator<StoredPost> {
  for (let after: string | undefined; ;) {
    signal?.throwIfAborted();
    const page = await store.page(after, limit);
    for (const post of page) if (!post.deleted) yield post;
    after = page.at(-1)?.id;
    if (after === undefined) return;
  }
}

function hashOf(createdAt: string, id: string): bigint {
  return createHash('sha256').update(`${createdAt} ${id}`).digest().readBigUInt64BE();
}
