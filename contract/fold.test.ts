import { describe, expect, it } from 'vitest';
import { FEED_PAGE_SIZE, type FeedPage } from './feed.ts';
import { foldState, UNKNOWN_CURSOR } from './fold.ts';
import { mostActiveFirst, newestFirst } from './order.ts';
import type { Post } from './post.ts';

const post = (at: number, version = 1): Post => ({
  id: `p${String(at).padStart(5, '0')}`,
  version,
  title: '',
  content: '#x',
  author: 'Ada',
  tags: ['x'],
  createdAt: new Date(at * 1000).toISOString(),
  editedAt: null,
});
const page = (posts: Post[], next: string | null): FeedPage => ({ name: 'x', total: posts.length, posts, next });
const put = (posts: Post[], total: number) => ({ total, put: posts, remove: [] });
const ids = (state: unknown) => (state as FeedPage).posts.map(({ id }) => Number(id.slice(1)));

describe('the state after a change', () => {
  it('of a feed holds what came, without what left', () => {
    const state = foldState('feed:x', page([post(2), post(1)], null), {
      total: 2,
      put: [post(3)],
      remove: [post(1).id],
    });
    expect(ids(state)).toEqual([3, 2]);
  });

  it('of a feed has no post from below its page, which would make a hole', () => {
    expect(ids(foldState('feed:x', page([post(9), post(8)], 'c'), put([post(1)], 3)))).toEqual([9, 8]);
  });

  it('of a feed has no hole where its last post left and came back', () => {
    const without = foldState('feed:x', page([post(9), post(8)], 'c'), { total: 5, put: [], remove: [post(8).id] });
    expect((without as FeedPage).next).toBe(UNKNOWN_CURSOR);
  });

  it('of a feed takes no older version of a post', () => {
    const state = foldState('feed:x', page([post(9, 3)], null), put([post(9, 2)], 1));
    expect((state as FeedPage).posts).toEqual([post(9, 3)]);
  });

  it('of a feed stays bounded, and says that its end was cut off', () => {
    let state: unknown = page([post(1)], null);
    for (let at = 2; at <= 10 * FEED_PAGE_SIZE; at += 1) state = foldState('feed:x', state, put([post(at)], at));
    expect(ids(state).length).toBeLessThanOrEqual(4 * FEED_PAGE_SIZE);
    expect((state as FeedPage).next).toBe(UNKNOWN_CURSOR);
  });

  it('of the list loses feeds that are empty', () => {
    const feed = (name: string, posts: number) => ({ name, posts, lastActivity: '2026-01-01T00:00:00.000Z' });
    const state = foldState(
      'feeds',
      { feeds: [feed('a', 1), feed('b', 2)], next: null },
      { feeds: [feed('a', 0), feed('c', 1)] },
    );
    expect((state as { feeds: { name: string }[] }).feeds.map(({ name }) => name)).toEqual(['c', 'b']);
  });

  it('of a post is the post as it is now', () => {
    expect(foldState('post:p1', post(1), post(1, 2))).toEqual(post(1, 2));
    expect(foldState('post:p1', post(1), null)).toBeNull();
  });

  it('of the list is in the order of the pages that the server reads, feeds of one moment too', () => {
    const feed = (name: string) => ({ name, posts: 1, lastActivity: '2026-01-01T00:00:00.000Z' });
    expect([feed('a'), feed('c'), feed('b')].sort(mostActiveFirst).map(({ name }) => name)).toEqual(['c', 'b', 'a']);
  });
});

it('orders posts by time of creation, then id, the newest first', () => {
  const posts = [
    { createdAt: new Date(1).toISOString(), id: 'b' },
    { createdAt: new Date(2).toISOString(), id: 'a' },
    { createdAt: new Date(1).toISOString(), id: 'c' },
  ];
  expect(posts.sort(newestFirst).map(({ id }) => id)).toEqual(['a', 'c', 'b']);
  expect(
    newestFirst({ createdAt: new Date(1).toISOString(), id: 'a' }, { createdAt: new Date(1).toISOString(), id: 'a' }),
  ).toBe(0);
});
