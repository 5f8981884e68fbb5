import type { Locator, Page } from '@playwright/test';
import { expect, fillPost, freshTag, post, test, writePost } from './fixtures.ts';

const outbox = (page: Page): Locator => page.getByRole('button', { name: /waiting/ });

test('a reload keeps what was typed into a new post', async ({ page }) => {
  await page.goto('/');
  await fillPost(page, 'half a thought', 'Begun');
  await page.reload();
  await page.getByRole('button', { name: 'New post' }).click();
  const form = page.getByRole('form', { name: 'New post' });
  await expect(form.getByLabel('Text')).toHaveValue('half a thought');
  await expect(form.getByLabel('Title')).toHaveValue('Begun');
  await expect(form.getByText('Your draft is back.')).toBeVisible();
});

test('a reload keeps an edit that was not saved', async ({ page, api }) => {
  const { id } = await api.create('as it was');
  const form = await edit(page, id);
  await form.getByLabel('Text').fill('as it will be');
  await page.reload();
  await expect(form.getByLabel('Text')).toHaveValue('as it will be');
  await form.getByRole('button', { name: 'Save' }).click();
  await expect(post(page, 'as it will be')).toBeVisible();
});

test('a post written while the server is away waits in the outbox, over a reload, and is sent once', async ({
  page,
  server,
  api,
}) => {
  const tag = freshTag('outbox');
  await page.goto(`/feed/${tag}`);
  await expect(page.getByText('Live', { exact: true })).toBeVisible();
  await server.kill();
  await writePost(page, `not lost #${tag}`);
  await expect(outbox(page)).toBeVisible();
  await outbox(page).click();
  await expect(page.getByRole('dialog', { name: 'Outbox' })).toContainText(`not lost #${tag}`);
  await server.start();
  await page.reload();
  await expect(post(page, 'not lost')).toHaveCount(1, { timeout: 40_000 });
  await expect(outbox(page)).toBeHidden();
  expect((await api.feed(tag)).total).toBe(1);
});

test('a post whose answer got lost on the way is sent again by itself, and still is one post', async ({
  page,
  api,
}) => {
  const tag = freshTag('once');
  await page.goto(`/feed/${tag}`);
  const keys: (string | undefined)[] = [];
  await page.route('**/api/posts', async (route) => {
    keys.push(route.request().headers()['idempotency-key']);
    const response = await route.fetch();
    await (keys.length === 1 ? route.abort() : route.fulfill({ response }));
  });
  await writePost(page, `one #${tag}`);
  await expect.poll(() => keys.length, { timeout: 20_000 }).toBe(2);
  await expect(outbox(page)).toBeHidden();
  await expect(post(page, 'one')).toHaveCount(1);
  expect((await api.feed(tag)).total).toBe(1);
  expect(keys[0]).toBeTruthy();
  expect(keys[1]).toBe(keys[0]);
});

test('what waits in the outbox can be edited and discarded', async ({ page, api }) => {
  const tag = freshTag('held');
  await page.goto(`/feed/${tag}`);
  await page.route('**/api/posts', (route) => route.abort());
  await writePost(page, `first thought #${tag}`);
  await expect(page.getByRole('form', { name: 'New post' })).toBeHidden();
  await writePost(page, `unwanted #${tag}`);
  await expect(outbox(page)).toContainText('2');
  await outbox(page).click();
  const entries = page.getByRole('dialog', { name: 'Outbox' }).getByRole('listitem');
  await entries.filter({ hasText: 'unwanted' }).getByRole('button', { name: 'Discard' }).click();
  await entries.filter({ hasText: 'first thought' }).getByRole('button', { name: 'Edit' }).click();
  await expect(page.getByRole('form', { name: 'New post' }).getByLabel('Text')).toHaveValue(`first thought #${tag}`);
  await page.unrouteAll();
  await writePost(page, `second thought #${tag}`);
  await expect(post(page, 'second thought')).toBeVisible();
  await expect(outbox(page)).toBeHidden();
  expect((await api.feed(tag)).posts.map(({ content }) => content)).toEqual([`second thought #${tag}`]);
});

test('a refused post shows what is wrong beside the field, and keeps the text', async ({ page }) => {
  await page.goto('/');
  const form = await fillPost(page, 'what I wrote', '', '');
  await form.getByRole('button', { name: 'Post', exact: true }).click();
  await expect(form.getByLabel('Your name')).toHaveAccessibleDescription('Your name must not be empty.');
  await expect(form.getByLabel('Text')).toHaveValue('what I wrote');
});

test("the server's own refusal stands beside the field too", async ({ page }) => {
  await page.route('**/api/posts', (route) =>
    route.continue({ postData: JSON.stringify({ ...(route.request().postDataJSON() as object), title: 'a\nb' }) }),
  );
  await page.goto('/');
  const form = await fillPost(page, 'what I wrote', 'a title');
  await form.getByRole('button', { name: 'Post', exact: true }).click();
  await expect(form.getByLabel('Title')).toHaveAccessibleDescription(/must be a single line/);
  await expect(form.getByLabel('Text')).toHaveValue('what I wrote');
});

test('an edit that could not be saved stays in the form until it can', async ({ page, api }) => {
  const { id } = await api.create('before');
  const form = await edit(page, id);
  await page.route('**/api/posts/*', (route) =>
    route.request().method() === 'PATCH' ? route.abort() : route.continue(),
  );
  await form.getByLabel('Text').fill('after');
  await form.getByRole('button', { name: 'Save' }).click();
  await expect(form.getByRole('alert')).toContainText('Not saved.');
  await expect(form.getByLabel('Text')).toHaveValue('after');
  await page.unrouteAll();
  await form.getByRole('button', { name: 'Try again' }).click();
  await expect(form).toBeHidden();
  await expect(post(page, 'after')).toBeVisible();
});

for (const { button, result } of [
  { button: 'Merge both', result: { title: 'Mine', content: 'one\nTWO\nthree\nFOUR' } },
  { button: 'Keep mine', result: { title: 'Mine', content: 'one\nTWO\nthree\nfour' } },
  { button: 'Take theirs', result: { title: 'Old', content: 'one\ntwo\nthree\nFOUR' } },
]) {
  test(`an edit that somebody else overtook is not overwritten; "${button}" ends it right`, async ({ page, api }) => {
    const { id } = await api.create('one\ntwo\nthree\nfour', 'Old');
    const form = await edit(page, id);
    await form.getByLabel('Title').fill('Mine');
    await form.getByLabel('Text').fill('one\nTWO\nthree\nfour');
    await api.edit(id, { content: 'one\ntwo\nthree\nFOUR' });
    const question = page.getByRole('alert', { name: 'Changed meanwhile' });
    await expect(question).toBeVisible();
    await expect(form.getByLabel('Text')).toHaveValue('one\nTWO\nthree\nfour');
    await expect(form.getByRole('button', { name: 'Save' })).toBeDisabled();

    await question.getByRole('button', { name: button }).click();
    await expect(form.getByLabel('Text')).toHaveValue(result.content);
    await expect(form.getByLabel('Title')).toHaveValue(result.title);
    await form.getByRole('button', { name: 'Save' }).click();
    await expect(form).toBeHidden();
    await expect.poll(async () => (await api.post(id)).content).toBe(result.content);
    expect((await api.post(id)).title).toBe(result.title);
  });
}

test('a save that crosses another one on its way asks instead of overwriting', async ({ page, api }) => {
  const { id } = await api.create('first');
  const form = await edit(page, id);
  await form.getByLabel('Text').fill('mine');
  await page.route(
    '**/api/posts/*',
    async (route) => {
      await api.edit(id, { content: 'theirs' });
      await route.continue();
    },
    { times: 1 },
  );
  await form.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('alert', { name: 'Changed meanwhile' })).toBeVisible();
  await expect(form.getByLabel('Text')).toHaveValue('mine');
  expect((await api.post(id)).content).toBe('theirs');
});

test('a post that is deleted while it is edited goes on as a new post', async ({ page, api }) => {
  const tag = freshTag('anew');
  const { id } = await api.create(`old #${tag}`);
  const form = await edit(page, id);
  await form.getByLabel('Text').fill(`much better #${tag}`);
  await api.remove(id);
  await expect(page.getByRole('alert').filter({ hasText: 'deleted meanwhile' })).toBeVisible();
  await expect(form.getByLabel('Text')).toHaveValue(`much better #${tag}`);
  await form.getByRole('button', { name: 'Write as a new post' }).click();
  const composer = page.getByRole('form', { name: 'New post' });
  await expect(composer.getByLabel('Text')).toHaveValue(`much better #${tag}`);
  await composer.getByLabel('Your name').fill('Grace');
  await composer.getByRole('button', { name: 'Post', exact: true }).click();
  await expect
    .poll(async () => (await api.feed(tag)).posts.map(({ content }) => content))
    .toEqual([`much better #${tag}`]);
});

test('two windows keep two drafts', async ({ page, context }) => {
  const other = await context.newPage();
  await page.goto('/');
  await other.goto('/');
  await fillPost(page, 'from the first');
  await fillPost(other, 'from the second');
  for (const [window, text] of [
    [page, 'from the first'],
    [other, 'from the second'],
  ] as const) {
    await window.reload();
    await window.getByRole('button', { name: 'New post' }).click();
    await expect(window.getByRole('form', { name: 'New post' }).getByLabel('Text')).toHaveValue(text);
  }
});

async function edit(page: Page, id: string): Promise<Locator> {
  await page.goto(`/post/${id}?edit`);
  const form = page.getByRole('form', { name: 'Edit post' });
  await expect(form).toBeVisible();
  return form;
}
