import { FEED_PAGE_SIZE, FeedPage, type FeedSummary } from './feed.ts';
import { isBelow, mostActiveFirst, newestFirst, type Place } from './order.ts';
import type { Post } from './post.ts';
import { FeedChange, FeedsChange, FeedsState } from './streams.ts';

/*
 * What changes of streams do to states (docs/protocol.md, "States"). Doing it twice, or to a state that has some of it
 * already, comes to the same.
 */

/**
 * Stands in `next` of a first page of which the end was cut off, so that the way to the page below is not known:
 * whoever gets it reads the first page again.
 */
export const UNKNOWN_CURSOR = '';

/** Posts in the state of a feed that is kept for those who come later, at most. */
const MAX_KEPT = 4 * FEED_PAGE_SIZE;

/**
 * Posts from the newest down to `floor`, without a hole, after a change: what is below the floor, and was not there
 * before, belongs to a page that is not loaded. `undefined` for a floor is that everything is.
 */
export function foldPosts(
  posts: readonly Post[],
  { put, remove }: Pick<FeedChange, 'put' | 'remove'>,
  floor: Place | undefined,
): Post[] {
  const byId = new Map(posts.map((post) => [post.id, post]));
  for (const id of remove) byId.delete(id);
  for (const post of put) {
    const known = byId.get(post.id);
    if (known === undefined ? !isBelow(post, floor) : known.version < post.version) byId.set(post.id, post);
  }
  return [...byId.values()].sort(newestFirst);
}

/** The list of feeds after a change: a feed with no posts leaves it. */
export function foldFeeds(feeds: readonly FeedSummary[], change: FeedsChange): FeedSummary[] {
  const byName = new Map(feeds.map((feed) => [feed.name, feed]));
  for (const feed of change.feeds) {
    if (feed.posts === 0) byName.delete(feed.name);
    else byName.set(feed.name, feed);
  }
  return [...byName.values()].sort(mostActiveFirst);
}

/**
 * The first page of a feed after a change. It grows as posts come, up to a bound. Where its last post has left, the page
 * no longer reaches down to where the next one begins, and it says so.
 */
export function foldFeed(page: FeedPage, change: FeedChange): FeedPage {
  // Where the page ends, its cursor begins: a post that belongs below comes with the page below.
  const floor = page.next === null ? undefined : page.posts.at(-1);
  const posts = foldPosts(page.posts, change, floor);
  const isCut = posts.length > MAX_KEPT;
  const hasFloor = floor === undefined || posts.at(-1)?.id === floor.id;
  return {
    ...page,
    total: change.total,
    posts: isCut ? posts.slice(0, FEED_PAGE_SIZE) : posts,
    next: isCut || !hasFloor ? UNKNOWN_CURSOR : page.next,
  };
}

/** Applies a change to the state of a stream, as both travel. What is not understood changes nothing. */
export function foldState(stream: string, state: unknown, change: unknown): unknown {
  if (stream.startsWith('post:')) return change;
  if (stream === 'feeds') {
    const list = FeedsState.safeParse(state);
    const parsed = FeedsChange.safeParse(change);
    return list.success && parsed.success ? { ...list.data, feeds: foldFeeds(list.data.feeds, parsed.data) } : state;
  }
  const page = FeedPage.safeParse(state);
  const parsed = FeedChange.safeParse(change);
  return page.success && parsed.success ? foldFeed(page.data, parsed.data) : state;
}
