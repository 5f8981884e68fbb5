import type { Page } from '@playwright/test';
import { expect, freshTag, test } from './fixtures.ts';

/*
 * What the original's page does, in a page of the same origin: EventSource on the three URLs, `data` events with
 * the whole answer, and its plain JSON requests.
 */

type Heard = {
  posts?: { content: string; tags: string[] }[];
  feeds?: { name: string; posts: number }[];
  title?: string;
};

async function listen(page: Page, url: string): Promise<() => Promise<Heard | undefined>> {
  await page.evaluate((address) => {
    const source = new EventSource(address);
    const all = ((window as unknown as { heard?: Record<string, unknown> }).heard ??= {});
    source.addEventListener('data', (event) => {
      all[address] = JSON.parse((event as MessageEvent<string>).data);
    });
  }, url);
  return () =>
    page.evaluate((address) => (window as unknown as { heard: Record<string, Heard | undefined> }).heard[address], url);
}

test.beforeEach(async ({ page }) => {
  await page.goto('/healthz');
});

test('a feed stream gives all posts at once, then again after each change', async ({ page, api }) => {
  const tag = freshTag('orig');
  const first = await api.create(`one #${tag}`);
  await expect.poll(async () => (await api.feed(tag)).total).toBe(1);
  const heard = await listen(page, `/api/feeds/${tag}`);
  await expect.poll(async () => (await heard())?.posts?.map(({ content }) => content)).toEqual([`one #${tag}`]);
  await api.create(`two #${tag}`);
  await expect
    .poll(async () => (await heard())?.posts?.map(({ content }) => content))
    .toEqual([`two #${tag}`, `one #${tag}`]);
  await api.edit(first.id, { content: `uno #${tag}` });
  await expect
    .poll(async () => (await heard())?.posts?.map(({ content }) => content))
    .toEqual([`two #${tag}`, `uno #${tag}`]);
  await api.edit(first.id, { content: 'gone' });
  await expect.poll(async () => (await heard())?.posts?.map(({ content }) => content)).toEqual([`two #${tag}`]);
});

test('the stream of the list has every feed with its count', async ({ page, api }) => {
  const tag = freshTag('list');
  const heard = await listen(page, '/api/feeds');
  await expect.poll(async () => Array.isArray((await heard())?.feeds)).toBe(true);
  await api.create(`a #${tag}`);
  await api.create(`b #${tag}`);
  await expect.poll(async () => (await heard())?.feeds?.find(({ name }) => name === tag)?.posts).toBe(2);
});

test('the stream of a post follows its edits', async ({ page, api }) => {
  const { id } = await api.create('text', 'before');
  const heard = await listen(page, `/api/posts/${id}`);
  await expect.poll(async () => (await heard())?.title).toBe('before');
  await api.edit(id, { title: 'after' });
  await expect.poll(async () => (await heard())?.title).toBe('after');
});

test('its requests are answered with success: add, edit with the id in the body, generate', async ({ page }) => {
  const statuses = await page.evaluate(async () => {
    const send = (method: string, path: string, body?: unknown) =>
      fetch(path, {
        method,
        headers: { 'Content-Type': 'application/json' },
        body: body === undefined ? null : JSON.stringify(body),
      });
    const added = await send('POST', '/api/posts', { title: 't', content: 'c #x', author: 'a' });
    const { id } = (await added.json()) as { id: string };
    const edited = await send('PATCH', `/api/posts/${id}`, { id, title: 't2', content: 'c2 #x' });
    const generated = await fetch('/api/generate/post', { method: 'POST' });
    return [added, edited, generated].map(({ status }) => status);
  });
  expect(statuses).toEqual([201, 200, 201]);
});

test('its EventSource comes back by itself after a restart, says what it has, and gets exactly what it missed', async ({
  page,
  server,
  api,
}) => {
  const tag = freshTag('resume');
  await api.create(`one #${tag}`);
  await expect.poll(async () => (await api.feed(tag)).total).toBe(1);
  const events = await listenAll(page, `/api/feeds/${tag}`);
  await expect.poll(async () => (await events()).length).toBe(1);
  const [first] = await events();

  await server.kill();
  const again = page.waitForResponse(`**/api/feeds/${tag}`, { timeout: 30_000 });
  await server.start();
  await api.create(`two #${tag}`);
  await expect.poll(async () => (await events()).length, { timeout: 30_000 }).toBe(2);
  const [, second] = await events();
  expect((await (await again).request().allHeaders())['last-event-id']).toBe(first?.id);
  expect(second?.contents).toEqual([`two #${tag}`, `one #${tag}`]);

  await api.create(`three #${tag}`);
  await expect.poll(async () => (await events()).length).toBe(3);
});

type DataEvent = { readonly id: string; readonly contents: readonly string[] };

/** Like {@link listen}, but keeps every event with its id. */
async function listenAll(page: Page, url: string): Promise<() => Promise<DataEvent[]>> {
  await page.evaluate((address) => {
    const all: DataEvent[] = ((window as unknown as { events?: DataEvent[] }).events = []);
    new EventSource(address).addEventListener('data', ({ data, lastEventId }: MessageEvent<string>) => {
      const { posts } = JSON.parse(data) as { posts: { content: string }[] };
      all.push({ id: lastEventId, contents: posts.map(({ content }) => content) });
    });
  }, url);
  return () => page.evaluate(() => (window as unknown as { events: DataEvent[] }).events);
}
