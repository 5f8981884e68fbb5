import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { FeedList, FeedPage, SearchResult } from '../../contract/feed.ts';
import { events, startEmbedded } from './api.ts';

let api: Awaited<ReturnType<typeof startEmbedded>>;

beforeAll(async () => {
  api = await startEmbedded();
  for (let n = 0; n < 5; n += 1) await api.create({ title: `post ${n}`, content: `#paged #tag${n}`, author: 'Ada' });
  await vi.waitFor(async () => expect((await feed('paged')).total).toBe(5));
});
afterAll(() => api[Symbol.asyncDispose]());

const feed = async (name: string, query = '') => (await api.request(`/api/feeds/${name}${query}`)).json<FeedPage>();

describe('GET /api/feeds/:name', () => {
  it('gives pages, newest first, until there are no more', async () => {
    const titles: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: FeedPage = await feed(
        'paged',
        `?limit=2${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
      );
      titles.push(...page.posts.map(({ title }) => title));
      cursor = page.next;
    }
    expect(titles).toEqual(['post 4', 'post 3', 'post 2', 'post 1', 'post 0']);
  });

  it('is empty for a tag without posts', async () => {
    expect(await feed('nobody')).toEqual({ name: 'nobody', total: 0, posts: [], next: null });
  });

  it('finds the feed whatever the case and the form of its name', async () => {
    await api.create({ content: '#Été', author: 'Ada' });
    await vi.waitFor(async () => expect((await feed(encodeURIComponent('été'))).total).toBe(1));
    expect(await feed(encodeURIComponent('ÉTÉ'))).toMatchObject({ name: 'été', total: 1 });
    expect(await feed(encodeURIComponent('e\u0301te\u0301'))).toMatchObject({ name: 'été', total: 1 });
  });
});

describe('GET /api/feeds', () => {
  it('has every feed with its count, and finds them by a part of the name', async () => {
    const all = (await api.request('/api/feeds')).json<FeedList>();
    expect(all.feeds).toContainEqual(expect.objectContaining({ name: 'paged', posts: 5 }));

    const found = (await api.request('/api/feeds?q=TAG1')).json<FeedList>();
    expect(found.feeds.map(({ name }) => name)).toEqual(['tag1']);
  });

  it('comes in pages too', async () => {
    const first = (await api.request('/api/feeds?limit=2')).json<FeedList>();
    expect(first.feeds).toHaveLength(2);
    const second = (
      await api.request(`/api/feeds?limit=2&cursor=${encodeURIComponent(String(first.next))}`)
    ).json<FeedList>();
    expect(first.feeds.concat(second.feeds).map(({ name }) => name)).toHaveLength(4);
    expect(second.feeds).not.toContainEqual(first.feeds[0]);
  });
});

describe('GET /api/search', () => {
  it('finds posts by the beginnings of words', async () => {
    await api.create({ title: 'Watering plants', content: 'in the green house', author: 'Ada' });
    await vi.waitFor(async () => {
      const result = (await api.request('/api/search?q=gre%20plan')).json<SearchResult>();
      expect(result.posts.map(({ title }) => title)).toEqual(['Watering plants']);
    });
  });
});

describe('streams', () => {
  it('of a feed send the whole page as data, at once and after each change', async () => {
    const closing = new AbortController();
    const stream = events(`${api.url}/api/feeds/streamed`, {}, closing.signal);
    const next = async () => JSON.parse((await stream.next()).value?.data ?? 'null') as FeedPage;

    expect((await next()).posts).toEqual([]);
    await api.create({ content: 'one #streamed', author: 'Ada' });
    expect((await next()).posts.map(({ content }) => content)).toEqual(['one #streamed']);
    closing.abort();
  });

  it('of a post begin at once for whoever has just written it', async () => {
    const { id } = await api.create({ content: 'just written', author: 'Ada' });
    const closing = new AbortController();
    const stream = events(`${api.url}/api/posts/${id}`, {}, closing.signal);

    const first = await stream.next();

    expect(first.value).toMatchObject({ event: 'data', id: '1' });
    expect(JSON.parse(first.value?.data ?? '')).toMatchObject({ id, content: 'just written' });
    closing.abort();
  });

  it('come many on one connection, a post that does not exist being null', async () => {
    const unknown = '00000000-0000-4000-8000-000000000000';
    const closing = new AbortController();
    const stream = events(`${api.url}/api/live?stream=feed:paged&stream=post:${unknown}`, {}, closing.signal);

    const both = [(await stream.next()).value, (await stream.next()).value].map((event) => {
      return JSON.parse(event?.data ?? '') as { stream: string; state: unknown };
    });

    expect(both).toContainEqual(
      expect.objectContaining({ stream: 'feed:paged', state: expect.objectContaining({ total: 5 }) as unknown }),
    );
    expect(both).toContainEqual({ stream: `post:${unknown}`, version: 0, state: null });
    closing.abort();
  });
});
