import type { Logger } from 'pino';
import type { Backend } from './backend.ts';
import { stateOf } from './feeds/projection.ts';

const PAGE = 500;

export type CatchUpOptions = { readonly logger: Logger; readonly signal: AbortSignal };

/**
 * Fills a read model that holds nothing from the write model: its file was deleted, say. Events alone would not,
 * for the outbox forgets what was once projected. Several processes may do so at once, and beside live traffic.
 */
export async function catchUp({ posts, readModel }: Backend, { logger, signal }: CatchUpOptions): Promise<void> {
  const [applied] = await readModel.page(undefined, 1);
  if (applied !== undefined) return;
  let count = 0;
  for (let page = await posts.page(undefined, PAGE); page.length > 0; page = await posts.page(page.at(-1)?.id, PAGE)) {
    signal.throwIfAborted();
    await readModel.apply(page.map(stateOf));
    count += page.length;
  }
  if (count > 0) logger.info({ posts: count }, 'The read model was empty and is made anew');
}
