import { describe, expect, it, vi } from 'vitest';
import type { FeedPage } from '../../../contract/feed.ts';
import type { Post } from '../../../contract/post.ts';
import type { Api } from '../http/api.ts';
import { fakeApi, fakeLive, fakePost, UNREACHABLE } from '../testing.ts';
import { followFeed } from './feed-entry.ts';
import { UNKNOWN_CURSOR } from '../../../contract/fold.ts';

const post = (at: number, over: Partial<Post> = {}): Post =>
  fakePost({ id: `p${String(at).padStart(5, '0')}`, createdAt: new Date(at * 1000).toISOString(), ...over });
const page = (posts: Post[], next: string | null = null): FeedPage => ({ name: 'x', total: posts.length, posts, next });
const put = (...posts: Post[]) => ({ total: posts.length, put: posts, remove: [] });

function follow(feed: Api['feed'] = fakeApi().feed) {
  const live = fakeLive();
  const entry = followFeed('x', { api: fakeApi({ feed }), live: live.client });
  const stream = live.listeners.get('feed:x');
  if (stream === undefined) throw new Error('The stream was not opened');
  const ids = () => entry.view.value.posts.map(({ id }) => Number(id.slice(1)));
  return { entry, stream, live, ids };
}

describe('a feed that is followed', () => {
  it('shows the snapshot and its changes', () => {
    const { stream, ids } = follow();
    stream.snapshot(1, page([post(1)]));
    stream.change(1, 2, put(post(2)));
    expect(ids()).toEqual([2, 1]);
  });

  it('says so when the server sends what is not in the contract, and keeps what it has', () => {
    const { entry, stream, ids } = follow();
    stream.snapshot(1, page([post(1)]));
    stream.snapshot(2, { posts: 'none' });
    stream.change(1, 2, { put: 1 });
    expect(ids()).toEqual([1]);
    expect(entry.problem.value).toContain('not understand');
  });

  it('loads older posts, once at a time, and says why it could not', async () => {
    const feed = vi.fn<Api['feed']>(async () => ({ ok: false, error: UNREACHABLE }));
    const { entry, stream, ids } = follow(feed);
    stream.snapshot(1, page([post(2)], 'c'));
    await Promise.all([entry.loadOlder(), entry.loadOlder()]);
    expect(feed).toHaveBeenCalledTimes(1);
    expect(entry.olderProblem.value).toBe('The server cannot be reached.');
    feed.mockImplementation(async () => ({ ok: true, value: page([post(1)]) }));
    await entry.loadOlder();
    expect(entry.olderProblem.value).toBeUndefined();
    expect(ids()).toEqual([2, 1]);
    await entry.loadOlder();
    expect(feed).toHaveBeenCalledTimes(2);
  });

  it('reads older pages again after an interruption, for an edit there may have been missed', async () => {
    const edited = post(1, { version: 2, title: 'Edited meanwhile' });
    const { entry, stream } = follow(async () => ({ ok: true, value: page([edited]) }));
    stream.snapshot(1, page([post(3), post(2), post(1)]));
    entry.hold.value = true;
    stream.snapshot(9, page([post(3), post(2)], 'c'));
    await vi.waitFor(() => expect(entry.view.value.posts.at(-1)?.title).toBe('Edited meanwhile'));
    expect(entry.view.value.staleFrom).toBeUndefined();
  });

  it('reads the first page when it does not know the way to the next one', async () => {
    const { stream, ids } = follow(async () => ({ ok: true, value: page([post(9), post(8)], 'c') }));
    stream.snapshot(1, page([post(9)], UNKNOWN_CURSOR));
    await vi.waitFor(() => expect(ids()).toEqual([9, 8]));
  });

  it('gives memory back when it is open for long: older pages are let go', async () => {
    const { entry, stream } = follow(async () => ({ ok: true, value: page([post(9_000), post(8_999)], 'c') }));
    stream.snapshot(1, page([post(1)], null));
    for (let at = 2; at <= 1_500; at += 1) stream.change(at - 1, at, put(post(at)));
    await vi.waitFor(() => expect(entry.view.value.posts.length).toBeLessThan(600));
    expect(entry.view.value.next).toBe('c');
  });

  it('reads the first page again to show more than could be kept waiting', async () => {
    const { entry, stream, ids } = follow(async () => ({ ok: true, value: page([post(700), post(699)], 'c') }));
    stream.snapshot(1, page([post(1)]));
    entry.hold.value = true;
    for (let at = 2; at <= 600; at += 1) stream.change(at - 1, at, put(post(at)));
    expect(ids()).toEqual([1]);
    await entry.flush();
    expect(ids().slice(0, 2)).toEqual([700, 699]);
    expect(entry.view.value.missed).toBe(0);
  });

  it('lets go of its stream when it is closed', () => {
    const { entry, live } = follow();
    entry.close();
    expect(live.listeners.size).toBe(0);
  });
});
