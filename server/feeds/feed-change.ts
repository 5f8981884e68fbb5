import { newestFirst } from '../../contract/order.ts';
import type { Post } from '../../contract/post.ts';
import type { FeedChange } from '../../contract/streams.ts';

/** In the ring of a feed: a change of its count alone, that concerns no post. */
export const COUNT_ONLY = '';

/**
 * What a client must do to have the feed as it is now, out of the ids of posts that changed since: those that are
 * in the feed are put (newest first), the others removed. Doing it twice, or doing it to a state that already has
 * some of it, comes to the same.
 */
export function feedChange(name: string, total: number, ids: Iterable<string>, found: readonly Post[]): FeedChange {
  const put = found.filter((post) => post.tags.includes(name)).sort(newestFirst);
  const remove = new Set(ids);
  remove.delete(COUNT_ONLY);
  for (const post of put) remove.delete(post.id);
  return { total, put, remove: [...remove] };
}
