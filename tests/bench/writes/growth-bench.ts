import { randomUUID } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import type { PostState, ReadModel } from '../../../server/feeds/read-model.ts';
import type { PostStore } from '../../../server/posts/post-store.ts';
import type { Deployment, Stand } from './deployment.ts';
import { benchPost, oldPost } from './posts.ts';
import { turned } from './store-bench.ts';

/** ms for a post, one value per repetition: on the clock, and of this process's CPU. */
export type Cost = { readonly wallMs: number[]; readonly cpuMs: number[] };
export const GROWTH_KINDS = ['apply 1', 'apply 16', 'create', 'create 10'] as const;
export type GrowthKind = (typeof GROWTH_KINDS)[number];

/** By old posts, then by what was done. */
export type GrowthFigures = ReadonlyMap<number, ReadonlyMap<GrowthKind, Cost>>;

export type GrowthPlan = { readonly repetitions: number; readonly posts: number };

/** Short turns, so that what the machine does meanwhile meets all alike. */
const TURNS = 4;

/**
 * Both models called directly, on feeds of each size in turns: the read model's `apply` of new posts, one by one and in
 * batches of 16, and the write model's `create` by one writer and by ten, with keys.
 */
export async function benchGrowth(
  deployment: Deployment,
  stands: ReadonlyMap<number, Stand>,
  { repetitions, posts }: GrowthPlan,
): Promise<GrowthFigures> {
  await using open = new AsyncDisposableStack();
  const sizes = new Map<number, Record<GrowthKind, () => Promise<void>>>();
  for (const [size, stand] of stands) {
    const readModel = await deployment.readModel(stand);
    open.defer(() => readModel.close());
    const writeModel = await deployment.writeModel(stand);
    open.defer(() => writeModel.close());
    sizes.set(size, {
      'apply 1': () => apply(readModel, posts, 1),
      'apply 16': () => apply(readModel, posts, 16),
      create: () => create(writeModel.store, posts, 1),
      'create 10': () => create(writeModel.store, posts, 10),
    });
  }
  for (const run of sizes.values()) for (const kind of GROWTH_KINDS) await run[kind](); // warm up

  const costs = () => new Map(GROWTH_KINDS.map((kind): [GrowthKind, Cost] => [kind, { wallMs: [], cpuMs: [] }]));
  const figures = new Map([...sizes.keys()].map((size) => [size, costs()]));
  for (let turn = 0; turn < repetitions * TURNS; turn += 1) {
    for (const kind of GROWTH_KINDS) {
      for (const [size, run] of turned([...sizes], turn)) {
        const cpuBefore = process.cpuUsage();
        const began = performance.now();
        await run[kind]();
        const { user, system } = process.cpuUsage(cpuBefore);
        const measured = figures.get(size)?.get(kind);
        measured?.wallMs.push((performance.now() - began) / posts);
        measured?.cpuMs.push((user + system) / 1_000 / posts);
      }
    }
  }
  return figures;
}

async function apply(model: ReadModel, posts: number, batch: number): Promise<void> {
  for (let done = 0; done < posts; done += batch) {
    await model.apply(Array.from({ length: Math.min(batch, posts - done) }, (_, index) => newState(done + index)));
  }
}

async function create(store: PostStore, posts: number, writers: number): Promise<void> {
  let left = posts;
  const writer = async () => {
    for (; left > 0; left -= 1) await store.create(benchPost(left), { idempotencyKey: randomUUID() });
  };
  await Promise.all(Array.from({ length: writers }, writer));
}

function newState(n: number): PostState {
  return { post: { ...oldPost(n), id: uuidv7(), createdAt: new Date().toISOString() }, version: 1, deleted: false };
}
