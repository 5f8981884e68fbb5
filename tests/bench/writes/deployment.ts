import type { ReadModel } from '../../../server/feeds/read-model.ts';
import type { WriteModel } from '../../../server/posts/post-store.ts';
import type { Bare } from './bare.ts';

/** Databases that hold posts, and how a server is told to use them. */
export type Stand = AsyncDisposable & { readonly env: Record<string, string> };

/** One of the two ways to run Tagwire: what to start and to fill for it. */
export type Deployment = AsyncDisposable & {
  readonly name: 'embedded' | 'shared';
  /** What really runs, for people. */
  readonly services: readonly string[];
  /** Empty databases for both, in this process. */
  stores(): Promise<AsyncDisposable & { readonly bare: Bare; readonly model: WriteModel }>;
  /** An empty database for `bare-server.ts`. */
  bareStand(): Promise<Stand>;
  /** Both models with so many old posts. */
  stand(posts: number): Promise<Stand>;
  /** A stand's models, in this process. */
  readModel(stand: Stand): Promise<ReadModel>;
  writeModel(stand: Stand): Promise<WriteModel>;
};
