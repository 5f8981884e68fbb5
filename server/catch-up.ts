import type { Logger } from 'pino';
import type { Backend } from './backend.ts';
import { rebuild } from './feeds/rebuild.ts';

export type CatchUpOptions = { readonly logger: Logger; readonly signal: AbortSignal };

/**
 * Fills a read model from the write model that was never filled to the end: its file was deleted, say, or the process
 * that was at it was killed. Events alone would not, for the outbox forgets what was once projected. Several processes
 * may do so at once, and beside live traffic.
 * (A read model that an old backup brought back is the operator's to rebuild: docs/operations.md.)
 */
export async function catchUp({ posts, readModel }: Backend, { logger, signal }: CatchUpOptions): Promise<void> {
  if (await readModel.isComplete()) return;
  const total = await posts.count();
  if (total > 0) logger.warn({ posts: total }, 'The read model is not complete and is made anew from the write model');
  const { applied } = await rebuild({ store: posts, readModel, signal });
  if (total > 0) logger.info({ applied }, 'The read model is complete');
}
