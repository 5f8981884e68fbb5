import type { StreamName } from '../../contract/streams.ts';
import type { PostStore } from '../posts/post-store.ts';
import { disagreement, pairs, type Stretch } from './pairs.ts';
import { stateOf } from './projection.ts';
import type { ReadModel } from './read-model.ts';

export type RebuildOptions = {
  readonly store: PostStore;
  readonly readModel: ReadModel;
  /** Told after each stretch of posts. `total` is how many the write model had at the start, deleted ones included. */
  readonly progress?: (done: number, total: number) => void;
  /** Streams that changed; `signals` (signals.ts) makes messages for watching clients out of them. */
  readonly onChanged?: (streams: readonly StreamName[]) => Promise<void>;
  /** Posts per stretch. Default 500. */
  readonly batchSize?: number;
  readonly signal?: AbortSignal;
};

export type Rebuilt = {
  /** Posts looked at. */
  readonly posts: number;
  /** Posts that were missing or old. */
  readonly applied: number;
  /** Posts that were wrong, or that the write model does not know. */
  readonly mended: number;
  /** Feeds whose count or entries were wrong. */
  readonly recounted: readonly string[];
};

/**
 * Makes the read model what the write model says, in place and beside live traffic: what is right is left alone, so
 * versions go on and clients see only what changes. An empty read model is filled by the same way, so there is no
 * other rebuild "from scratch": to have one, delete the read model's file or database first. May be broken off and
 * started again, and run twice at once. Marks the read model as complete in the end. Throws what the models throw, and
 * the signal's reason.
 */
export async function rebuild(options: RebuildOptions): Promise<Rebuilt> {
  const { store, readModel, progress, onChanged, batchSize = 500, signal } = options;
  const total = await store.count();
  const result = { posts: 0, applied: 0, mended: 0 };
  for await (const stretch of pairs(store, readModel, batchSize, signal)) {
    const wrong = new Set<string>();
    const due = [];
    for (const pair of stretch.pairs) {
      const how = disagreement(pair);
      if (how === undefined) continue;
      if (how === 'missing' || how === 'stale') due.push(pair.stored);
      else wrong.add(pair.id);
    }
    const states = due.filter((post) => post !== undefined).map(stateOf);
    const streams = states.length === 0 ? [] : await readModel.apply(states);
    if (wrong.size > 0) streams.push(...(await applyAnew(store, readModel, stretch, wrong)));
    if (streams.length > 0) await onChanged?.([...new Set(streams)]);
    result.posts += stretch.pairs.length;
    result.applied += states.length;
    result.mended += wrong.size;
    progress?.(result.posts, total);
  }
  const recounted = await readModel.recount();
  await readModel.markComplete();
  if (recounted.length > 0) await onChanged?.([...recounted.map((name): StreamName => `feed:${name}`), 'feeds']);
  return { ...result, recounted };
}

/**
 * Forgets posts and applies them as the write model has them then. It is read again after the forgetting, which may have
 * taken a later state away than the one that was read before, and whose event does not come again.
 */
async function applyAnew(
  store: PostStore,
  readModel: ReadModel,
  { after, limit }: Stretch,
  ids: ReadonlySet<string>,
): Promise<StreamName[]> {
  const streams: StreamName[] = [];
  for (const id of ids) streams.push(...(await readModel.forget(id)));
  const stored = (await store.page(after, limit)).filter(({ id }) => ids.has(id));
  return [...streams, ...(stored.length === 0 ? [] : await readModel.apply(stored.map(stateOf)))];
}
