import { isDeepStrictEqual } from 'node:util';
import type { PostStore, StoredPost } from '../posts/post-store.ts';
import { stateOf } from './projection.ts';
import type { AppliedPost, ReadModel } from './read-model.ts';

/** One post as both models have it; `undefined` in the one that never had it. */
export type Pair = { readonly id: string; readonly stored?: StoredPost; readonly applied?: AppliedPost };

/** How a pair disagrees: the read model has too little, or something that can't be. */
export type Disagreement = 'missing' | 'stale' | 'ahead' | 'different' | 'unknown';

/** The pairs of one stretch of ids; `after` and `limit` read the stretch again. */
export type Stretch = { readonly after: string | undefined; readonly limit: number; readonly pairs: readonly Pair[] };

/**
 * All posts of both models side by side, by id. Of each stretch the read model is read first: whatever it has, the write
 * model then has too (its rows never go), in the same version or a later one, also while posts are being written.
 */
export async function* pairs(
  store: PostStore,
  readModel: ReadModel,
  limit: number,
  signal?: AbortSignal,
): AsyncGenerator<Stretch> {
  for (let after: string | undefined; ;) {
    signal?.throwIfAborted();
    const applied = await readModel.page(after, limit);
    const stored = await store.page(after, limit);
    // A full page says nothing of ids beyond its last one.
    const ends = [applied, stored].filter((page) => page.length >= limit).map((page) => page.at(-1)?.id ?? '');
    const end = ends.sort()[0];
    const byId = new Map<string, Pair>();
    for (const post of stored) byId.set(post.id, { id: post.id, stored: post });
    for (const post of applied) byId.set(post.id, { ...byId.get(post.id), id: post.id, applied: post });
    const covered = [...byId.values()].filter(({ id }) => end === undefined || id <= end);
    yield { after, limit, pairs: covered };
    if (end === undefined) return;
    after = end;
  }
}

/** `missing` and `stale` may be a matter of moments; the others are wrong whatever is under way. */
export function disagreement({ stored, applied }: Pair): Disagreement | undefined {
  if (stored === undefined) return applied === undefined ? undefined : 'unknown';
  if (applied === undefined) return 'missing';
  if (applied.version !== stored.version) return applied.version < stored.version ? 'stale' : 'ahead';
  const { post, deleted } = stateOf(stored);
  return isDeepStrictEqual(applied.post, deleted ? null : post) ? undefined : 'different';
}
