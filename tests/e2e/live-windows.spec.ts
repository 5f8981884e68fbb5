import type { Page } from '@playwright/test';
import { expect, feedInList, freshTag, post, test, writePost } from './fixtures.ts';

test('what one window posts, edits and deletes, every window shows without a reload', async ({
  page,
  context,
  browser,
  server,
}) => {
  const [kept, lost, won] = [freshTag('kept'), freshTag('lost'), freshTag('won')];
  const sameBrowser = await context.newPage();
  const elsewhere = await (await browser.newContext({ baseURL: server.url })).newPage();
  await page.goto('/');
  await sameBrowser.goto(`/feed/${kept}`);
  await elsewhere.goto(`/feed/${lost}`);

  await writePost(page, `first #${kept} #${lost}`, 'Hello');
  await expect(feedInList(page, kept)).toContainText('1');
  await expect(post(sameBrowser, 'first')).toBeVisible();
  await expect(post(elsewhere, 'first')).toBeVisible();

  const id = await post(sameBrowser, 'first').getAttribute('data-post-id');
  const postPage = await (await browser.newContext({ baseURL: server.url })).newPage();
  await postPage.goto(`/post/${id}`);
  await expect(post(postPage, 'first')).toBeVisible();
  const wonPage = await context.newPage();
  await wonPage.goto(`/feed/${won}`);

  const editor = await context.newPage();
  await editor.goto(`/post/${id}`);
  await editor.getByRole('button', { name: 'Edit' }).click();
  await editor.getByLabel('Text').fill(`second #${kept} #${won}`);
  await editor.getByRole('button', { name: 'Save' }).click();

  await expect(post(sameBrowser, 'second')).toBeVisible();
  await expect(post(wonPage, 'second')).toBeVisible();
  await expect(post(postPage, 'second')).toBeVisible();
  await expect(elsewhere.getByRole('article')).toHaveCount(0);
  await expect(feedInList(elsewhere, lost)).toHaveCount(0);
  await expect(feedInList(elsewhere, won)).toContainText('1');

  await editor.getByRole('button', { name: 'Delete' }).click();
  await editor.getByRole('dialog').getByRole('button', { name: 'Delete post' }).click();
  await expect(sameBrowser.getByRole('article')).toHaveCount(0);
  await expect(wonPage.getByRole('article')).toHaveCount(0);
  await expect(postPage.getByText(/deleted/i).first()).toBeVisible();
  await expect(feedInList(page, kept)).toHaveCount(0);
  await elsewhere.context().close();
  await postPage.context().close();
});

test('a random post shows in every window that has its feed on screen', async ({ page, context }) => {
  await page.goto('/');
  const other = await context.newPage();
  await other.goto('/');
  await page.getByRole('button', { name: 'Random post' }).first().click();
  const link = other.getByRole('navigation', { name: 'Feeds' }).getByRole('link').first();
  await expect(link).toBeVisible();
  await link.click();
  await expect(other.getByRole('article').first()).toBeVisible();
});

test('hashtags in a post are links to their feeds, and nothing in a post is HTML', async ({ page, api }) => {
  const tag = freshTag('link');
  await api.create(`<img src=x onerror="window.pwned=1"> <b>bold</b> #${tag}`, '<script>window.pwned=1</script>');
  await page.goto(`/feed/${tag}`);
  const article = page.getByRole('article').first();
  await expect(article).toContainText('<img src=x onerror="window.pwned=1"> <b>bold</b>');
  await expect(article.locator('img, b, script')).toHaveCount(0);
  expect(await page.evaluate(() => (window as unknown as { pwned?: unknown }).pwned)).toBeUndefined();
  await article.getByRole('link', { name: `#${tag}` }).click();
  await expect(page).toHaveURL(new RegExp(`/feed/${tag}$`));
});

test('25 windows on 25 feeds are all live, on one connection to the server', async ({ context, server, api }) => {
  test.setTimeout(120_000);
  const tags = Array.from({ length: 25 }, () => freshTag('many'));
  const pages: Page[] = [];
  for (const tag of tags) {
    const page = await context.newPage();
    await page.goto(`/feed/${tag}`);
    await expect(page.getByRole('heading', { name: `#${tag}`, exact: true })).toBeVisible();
    pages.push(page);
  }
  for (const tag of tags) await api.create(`hello #${tag}`);
  for (const [index, page] of pages.entries()) {
    await expect(post(page, `#${tags[index]}`)).toBeVisible();
  }
  await expect
    .poll(async () => /^tagwire_sse_connections (\d+)$/m.exec(await (await fetch(`${server.url}/metrics`)).text())?.[1])
    .toBe('1');
});
