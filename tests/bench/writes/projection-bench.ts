import { v7 as uuidv7 } from 'uuid';
import type { PostState, ReadModel } from '../../../server/feeds/read-model.ts';
import type { Deployment, Stand } from './deployment.ts';
import { oldPost } from './posts.ts';
import { turned } from './store-bench.ts';

/** ms for a post, one value per repetition: on the clock, and of this process's CPU. */
export type ProjectionCost = { readonly wallMs: number[]; readonly cpuMs: number[] };
/** By old posts, then by the posts in a batch. */
export type ProjectionFigures = ReadonlyMap<number, ReadonlyMap<number, ProjectionCost>>;

export type ProjectionPlan = { readonly repetitions: number; readonly posts: number };

const BATCHES = [1, 16];
/** Short turns, so that what the machine does meanwhile meets all alike. */
const TURNS = 4;

/** The read model's `apply` of new posts, called directly on feeds of each size in turns. */
export async function benchProjection(
  deployment: Deployment,
  stands: ReadonlyMap<number, Stand>,
  { repetitions, posts }: ProjectionPlan,
): Promise<ProjectionFigures> {
  await using open = new AsyncDisposableStack();
  const models = new Map<number, ReadModel>();
  for (const [size, stand] of stands) {
    const model = await deployment.readModel(stand);
    open.defer(() => model.close());
    models.set(size, model);
    for (const batch of BATCHES) await apply(model, posts, batch); // warm up
  }
  const cost = (): ProjectionCost => ({ wallMs: [], cpuMs: [] });
  const figures = new Map([...models.keys()].map((size) => [size, new Map(BATCHES.map((batch) => [batch, cost()]))]));
  for (let turn = 0; turn < repetitions * TURNS; turn += 1) {
    for (const batch of BATCHES) {
      for (const [size, model] of turned([...models], turn)) {
        const cpuBefore = process.cpuUsage();
        const began = performance.now();
        await apply(model, posts, batch);
        const { user, system } = process.cpuUsage(cpuBefore);
        const measured = figures.get(size)?.get(batch);
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

function newState(n: number): PostState {
  return { post: { ...oldPost(n), id: uuidv7(), createdAt: new Date().toISOString() }, version: 1, deleted: false };
}
