import { FEED_PAGE_SIZE, FeedPage } from '../../../contract/feed.ts';
import { FeedChange, FeedsChange, FeedsState } from '../../../contract/streams.ts';
import { comparePlaces } from './feed-view.ts';
import { feedsChange, feedsSnapshot } from './feeds-view.ts';

/**
 * Stands in `next` of a first page of which the end was cut off, so that the way to the page below is not known:
 * whoever gets it reads the first page again.
 */
export const UNKNOWN_CURSOR = '';

/** Posts in the state of a feed that is kept for windows that come later, at most. */
const MAX_KEPT = 4 * FEED_PAGE_SIZE;

/**
 * Applies a change to the state of a stream, as both travel: what live/ keeps for windows that come later. What
 * is not understood changes nothing, for the window that gets it will say so.
 */
export function foldState(stream: string, state: unknown, change: unknown): unknown {
  if (stream.startsWith('post:')) return change;
  return stream === 'feeds' ? foldFeeds(state, change) : foldFeed(state, change);
}

function foldFeeds(state: unknown, change: unknown): unknown {
  const list = FeedsState.safeParse(state);
  const parsed = FeedsChange.safeParse(change);
  if (!list.success || !parsed.success) return state;
  const { feeds, next } = feedsChange(feedsSnapshot(0, list.data), 1, parsed.data);
  return { feeds, next };
}

function foldFeed(state: unknown, change: unknown): unknown {
  const page = FeedPage.safeParse(state);
  const parsed = FeedChange.safeParse(change);
  if (!page.success || !parsed.success) return state;
  const posts = new Map(page.data.posts.map((post) => [post.id, post]));
  // Where the page ends, its cursor begins: a post that belongs below comes with the page below.
  const bottom = page.data.next === null ? undefined : page.data.posts.at(-1);
  for (const id of parsed.data.remove) posts.delete(id);
  for (const post of parsed.data.put) {
    if (posts.has(post.id) || bottom === undefined || comparePlaces(post, bottom) < 0) posts.set(post.id, post);
  }
  const sorted = [...posts.values()].sort(comparePlaces);
  const isCut = sorted.length > MAX_KEPT;
  return {
    ...page.data,
    total: parsed.data.total,
    posts: isCut ? sorted.slice(0, FEED_PAGE_SIZE) : sorted,
    next: isCut ? UNKNOWN_CURSOR : page.data.next,
  };
}
