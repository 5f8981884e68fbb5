import type { FeedSummary } from './feed.ts';
import type { Post } from './post.ts';

/** Where a post stands in a feed. */
export type Place = Pick<Post, 'id' | 'createdAt'>;

/** The order of posts in a feed: newest first, by time of creation, then id, both descending. */
export function newestFirst(a: Place, b: Place): number {
  return descending(a.createdAt, b.createdAt) || descending(a.id, b.id);
}

/** The order of the list of feeds: the most recently active first, then by name, both descending. */
export function mostActiveFirst(
  a: Pick<FeedSummary, 'name' | 'lastActivity'>,
  b: Pick<FeedSummary, 'name' | 'lastActivity'>,
): number {
  return descending(a.lastActivity, b.lastActivity) || descending(a.name, b.name);
}

/** Whether a post stands below a place; below none stands nothing. */
export function isBelow(post: Place, place: Place | undefined): boolean {
  return place !== undefined && newestFirst(post, place) > 0;
}

function descending(a: string, b: string): number {
  return a === b ? 0 : a < b ? 1 : -1;
}
