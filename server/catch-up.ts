import type { Logger } from 'pino';
import type { Backend } from './backend.ts';
import { rebuild } from './feeds/rebuild.ts';

export type CatchUpOptions = { readonly logger: Logger; readonly signal: AbortSignal };

/**
 * Fills a read model that holds nothing from the write model: its file was deleted, say. Events alone would not,
 * for the outbox forgets what was once projected. Several processes may do so at once, and beside live traffic.
 * (A read model that an old backup brought back is the operator's to rebuild: docs/operations.md.)
 */
export async function catchUp({ posts, readModel }: Backend, { logger, signal }: CatchUpOptions): Promise<void> {
  const [applied] = await readModel.page(undefined, 1);
  if (applied !== undefined || (await posts.count()) === 0) return;
  logger.warn('The read model is empty and is made anew from the write model');
  const result = await rebuild({ store: posts, readModel, signal });
  logger.info({ posts: result.posts }, 'The read model is made anew');
}
