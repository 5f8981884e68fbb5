import { expect, test as base, type Locator, type Page } from '@playwright/test';
import type { Post } from '../../contract/post.ts';
import { startServer, type TestServer } from './server.ts';

/** `server`: one for the whole file, fresh. `api`: writes beside the windows, as another person would. */
export const test = base.extend<{ api: Api }, { server: TestServer }>({
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
});

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
    edit: (id: string, patch: { title?: string; content?: string }) => send('PATCH', `posts/${id}`, patch),
    remove: (id: string) => send('DELETE', `posts/${id}`),
    feed: async (name: string) =>
      (await (await fetch(`${url}/api/feeds/${encodeURIComponent(name)}`)).json()) as { total: number; posts: Post[] },
  };
}

/** A tag that no other test uses. */
export const freshTag = (name: string) => `${name}${Math.random().toString(36).slice(2, 8).replace(/\d/g, 'x')}`;

export const post = (page: Page, text: string): Locator => page.getByRole('article').filter({ hasText: text });
export const feedInList = (page: Page, tag: string): Locator =>
  page.getByRole('navigation', { name: 'Feeds' }).getByRole('link', { name: new RegExp(`#?${tag}\\b`) });

export { expect };
