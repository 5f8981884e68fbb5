import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { NewPost } from '../../../contract/post.ts';
import type { Deployment } from './deployment.ts';
import { benchPost } from './posts.ts';

export const STORE_KINDS = ['bare', 'create', 'createWithKey'] as const;
export type StoreKind = (typeof STORE_KINDS)[number];

/** Posts a second by writers and kind, one value per repetition. */
export type StoreFigures = ReadonlyMap<number, Record<StoreKind, number[]>>;

export type StorePlan = {
  readonly writers: readonly number[];
  readonly repetitions: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
};

/** The write model's `create`, called directly, beside the bare transaction of two rows, in turns. */
export async function benchStores(deployment: Deployment, plan: StorePlan): Promise<StoreFigures> {
  await using stores = await deployment.stores();
  const { bare, model } = stores;
  const create: Record<StoreKind, (post: NewPost) => Promise<unknown>> = {
    bare: (post) => bare.create(post),
    create: (post) => model.store.create(post),
    createWithKey: (post) => model.store.create(post, { idempotencyKey: randomUUID() }),
  };
  const figures = new Map(
    plan.writers.map((writers) => [
      writers,
      { bare: [], create: [], createWithKey: [] } as Record<StoreKind, number[]>,
    ]),
  );
  for (let repetition = 0; repetition < plan.repetitions; repetition += 1) {
    for (const [writers, measured] of figures) {
      for (const kind of turned(STORE_KINDS, repetition)) {
        await run(create[kind], writers, plan.warmUpMs);
        measured[kind].push(await run(create[kind], writers, plan.measureMs));
      }
    }
  }
  return figures;
}

/** The same in another order each time, so that none is always the first after a pause. */
export function turned<T>(values: readonly T[], by: number): T[] {
  return values.map((_, index) => values[(index + by) % values.length] as T);
}

async function run(create: (post: NewPost) => Promise<unknown>, writers: number, ms: number): Promise<number> {
  const began = performance.now();
  let created = 0;
  const writer = async () => {
    while (performance.now() < began + ms) {
      await create(benchPost(created));
      created += 1;
      // A synchronous database would never let the other writers have their turn.
      await nextTurn();
    }
  };
  await Promise.all(Array.from({ length: writers }, writer));
  return (created * 1000) / (performance.now() - began);
}
