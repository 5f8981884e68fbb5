import { setTimeout as delay } from 'node:timers/promises';
import type { PostStore } from '../posts/post-store.ts';
import { disagreement, pairs, type Disagreement } from './pairs.ts';
import type { ReadModel } from './read-model.ts';
import { verifyFeeds, type FeedDifference } from './verify-feeds.ts';

export type VerifyOptions = {
  readonly store: PostStore;
  readonly readModel: ReadModel;
  /** How long, in ms, the read model may take for what is just being written. Default 3,000. */
  readonly graceMs?: number;
  readonly batchSize?: number;
  readonly signal?: AbortSignal;
};

/** Something in which the read model is not what the write model says. */
export type Difference =
  { readonly kind: 'post'; readonly id: string; readonly how: Disagreement; readonly version: number } | FeedDifference;

/**
 * Compares the read model with the write model, and yields every difference. Runs beside live traffic: what may only be
 * on its way is looked at again after the grace period, and reported if it still has not arrived. Changes nothing;
 * `rebuild` mends what is found. Needs memory for the feeds, not for their posts, unless feeds differ.
 */
export async function* verify(options: VerifyOptions): AsyncGenerator<Difference> {
  const { store, readModel, graceMs = 3_000, batchSize = 500, signal } = options;
  const late: { id: string; how: Disagreement; version: number }[] = [];
  for await (const stretch of pairs(store, readModel, batchSize, signal)) {
    for (const pair of stretch.pairs) {
      const how = disagreement(pair);
      const version = pair.stored?.version ?? pair.applied?.version ?? 0;
      if (how === 'missing' || how === 'stale') late.push({ id: pair.id, how, version });
      else if (how !== undefined) yield { kind: 'post', id: pair.id, how, version };
    }
  }
  if (late.length > 0) await delay(graceMs, undefined, { signal });
  for (const { id, how, version } of late) {
    const applied = await readModel.postSnapshot(id);
    if (applied.version < version) yield { kind: 'post', id, how, version };
  }
  yield* verifyFeeds({ store, readModel, graceMs, batchSize, signal });
}

/** A difference as a sentence. */
export function describeDifference(difference: Difference): string {
  if (difference.kind === 'post') {
    const { id, how, version } = difference;
    return `post ${id}: ${POST_SENTENCES[how]} (version ${version})`;
  }
  const { feed } = difference;
  switch (difference.kind) {
    case 'feed-count':
      return `feed #${feed}: its count is ${difference.count}, but it holds ${difference.posts} posts`;
    case 'feed-missing-post':
      return `feed #${feed}: post ${difference.id} should be in it`;
    case 'feed-extra-post':
      return `feed #${feed}: post ${difference.id} should not be in it`;
    case 'feed-order':
      return `feed #${feed}: post ${difference.id} is not in its place`;
    case 'feed-unlisted':
      return `feed #${feed}: is missing from the list of feeds`;
    case 'feed-listed':
      return `feed #${feed}: is in the list of feeds, but has no posts`;
  }
}

const POST_SENTENCES: Record<Disagreement, string> = {
  missing: 'is not in the read model',
  stale: 'is old in the read model',
  ahead: 'is newer in the read model than in the write model',
  different: 'has other content in the read model, or should be deleted there',
  unknown: 'is unknown to the write model',
};
