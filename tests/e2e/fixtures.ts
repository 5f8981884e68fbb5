import { expect, test as base, type Locator, type Page } from '@playwright/test';
import type { Post } from '../../contract/post.ts';
import { startServer, type TestServer } from './server.ts';

/**
 * `server`: one for many tests, so each uses tags of its own. `emptyServer`: a fresh one for this test alone.
 * `api`: writes beside the windows, as another person would. `complaints`: what the console of `page` and its policy
 * complained about.
 */
export const test = base.extend<{ api: Api; emptyServer: TestServer; complaints: string[] }, { server: TestServer }>({
  server: [
    async ({}, use) => {
      const server = await startServer();
      await use(server);
      await server.stop();
    },
    { scope: 'worker' },
  ],
  baseURL: ({ server }, use) => use(server.url),
  api: ({ server }, use) => use(apiOf(server.url)),
  emptyServer: async ({}, use) => {
    const server = await startServer();
    await use(server);
    await server.stop();
  },
  complaints: async ({ page }, use) => {
    await use(complaintsOf(page));
  },
});

/** Collects errors and warnings of the console, violations of the content security policy among them. */
export function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  return complaints;
}

export type Api = ReturnType<typeof apiOf>;

export function apiOf(url: string) {
  const send = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`${url}/api/${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    expect(response.ok, `${method} ${path} → ${response.status}`).toBe(true);
    return response;
  };
  return {
    create: async (content: string, title = '', author = 'Ada') =>
      (await (await send('POST', 'posts', { title, content, author })).json()) as Post,
    /** So many posts, the last one newest, in the order of their numbers. */
    createMany: async (count: number, contentOf: (number: number) => string) => {
      const posts: Post[] = [];
      for (let number = 1; number <= count; number++) {
        posts.push((await (await send('POST', 'posts', { content: contentOf(number), author: 'Ada' })).json()) as Post);
      }
      return posts;
    },
    edit: (id: string, patch: { title?: string; content?: string }) => send('PATCH', `posts/${id}`, patch),
    post: async (id: string) => (await (await fetch(`${url}/api/posts/${id}`)).json()) as Post,
    remove: (id: string) => send('DELETE', `posts/${id}`),
    feed: async (name: string) =>
      (await (await fetch(`${url}/api/feeds/${encodeURIComponent(name)}`)).json()) as { total: number; posts: Post[] },
  };
}

/** A tag that no other test uses. */
export const freshTag = (name: string) => `${name}${Math.random().toString(36).slice(2, 8).replace(/\d/g, 'x')}`;

/** A window in which there is no SharedWorker, as in a private window or an old browser. */
export const withoutSharedWorker = async (page: Page): Promise<void> => {
  await page.addInitScript(() => Reflect.deleteProperty(window, 'SharedWorker'));
};

/** Fills the form for a new post, opening it if it is not. */
export async function fillPost(page: Page, content: string, title = '', author = 'Grace'): Promise<Locator> {
  const form = page.getByRole('form', { name: 'New post' });
  if (!(await form.isVisible())) await page.getByRole('button', { name: 'New post' }).click();
  await form.getByLabel('Title').fill(title);
  await form.getByLabel('Text').fill(content);
  await form.getByLabel('Your name').fill(author);
  return form;
}

export async function writePost(page: Page, content: string, title = '', author = 'Grace'): Promise<void> {
  const form = await fillPost(page, content, title, author);
  await form.getByRole('button', { name: 'Post', exact: true }).click();
}

export const post = (page: Page, text: string): Locator => page.getByRole('article').filter({ hasText: text });
export const feedInList = (page: Page, tag: string): Locator =>
  page.getByRole('navigation', { name: 'Feeds' }).getByRole('link', { name: new RegExp(`#?${tag}\\b`) });

export { expect };
