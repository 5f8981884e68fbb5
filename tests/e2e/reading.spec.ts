import type { Locator, Page } from '@playwright/test';
import { expect, freshTag, post, test, writePost } from './fixtures.ts';

const pill = (page: Page): Locator =>
  page.getByRole('button', { name: /new post|waiting$|Resume$/ }).and(page.locator('.pill'));
const texts = (page: Page): Promise<string[]> => page.locator('article .post-text').allTextContents();

test('at the top of a feed new posts flow in, newest first', async ({ page, api }) => {
  const tag = freshTag('flow');
  await api.create(`one #${tag}`);
  await page.goto(`/feed/${tag}`);
  await expect(post(page, 'one')).toBeVisible();
  await api.create(`two #${tag}`);
  await expect.poll(() => texts(page)).toEqual([`two #${tag}`, `one #${tag}`]);
});

test('further down nothing moves when posts come, change and go above; the pill counts and leads to them', async ({
  page,
  api,
}) => {
  const tag = freshTag('still');
  const posts = await api.createMany(40, (n) => `note ${n} #${tag}`);
  await page.goto(`/feed/${tag}`);
  await expect(post(page, `note 40 #${tag}`)).toBeVisible();
  await page.locator('.pane-scroll').evaluate((pane) => pane.scrollTo(0, 900));
  const read = await firstInView(page);
  const before = await top(read);

  await api.edit(posts[39]?.id ?? '', { content: `${'a much longer note\n'.repeat(9)} #${tag}` });
  await api.remove(posts[38]?.id ?? '');
  for (const n of [1, 2, 3]) await api.create(`new ${n} #${tag}`);
  await expect(pill(page)).toHaveText(/3 new posts/);
  await expect(page.locator('.pane-count')).toHaveText('42 posts');
  await expectAt(read, before);
  await expect(post(page, 'new 1')).toHaveCount(0);

  await pill(page).click();
  await expect(post(page, 'new 3')).toBeInViewport();
  await expect(pill(page)).toBeHidden();
  await expect
    .poll(async () => (await texts(page)).slice(0, 4).map((text) => text.slice(0, 5)))
    .toEqual(['new 3', 'new 2', 'new 1', 'a muc']);
});

test('posts that were read stay where they are when those above are deleted', async ({ page, api }) => {
  const tag = freshTag('above');
  const posts = await api.createMany(30, (n) => `note ${n} #${tag}`);
  await page.goto(`/feed/${tag}`);
  await expect(post(page, `note 30 #${tag}`)).toBeVisible();
  await page.locator('.pane-scroll').evaluate((pane) => pane.scrollTo(0, 1_200));
  const read = await firstInView(page);
  const before = await top(read);
  for (const { id } of posts.slice(-4)) await api.remove(id);
  await expect(page.locator('.pane-count')).toHaveText('26 posts');
  await expectAt(read, before);
});

test('an own post shows once, and at the top at once', async ({ page }) => {
  const tag = freshTag('own');
  await page.goto(`/feed/${tag}`);
  await writePost(page, `mine #${tag}`);
  await expect(post(page, 'mine')).toBeVisible();
  await writePost(page, `mine too #${tag}`);
  await expect.poll(() => texts(page)).toEqual([`mine too #${tag}`, `mine #${tag}`]);
});

test('an own post does not move what is read further down', async ({ page, api }) => {
  const tag = freshTag('ownbelow');
  await api.createMany(30, (n) => `note ${n} #${tag}`);
  await page.goto(`/feed/${tag}`);
  await expect(post(page, `note 30 #${tag}`)).toBeVisible();
  await page.locator('.pane-scroll').evaluate((pane) => pane.scrollTo(0, 900));
  const read = await firstInView(page);
  const before = await top(read);
  await writePost(page, `mine #${tag}`);
  await expect(pill(page)).toHaveText(/1 new post/);
  await expectAt(read, before);
});

test('paused, nothing on screen changes; resumed, all of it is there', async ({ page, api }) => {
  const tag = freshTag('pause');
  const old = await api.create(`old #${tag}`);
  const gone = await api.create(`gone #${tag}`);
  await page.goto(`/feed/${tag}`);
  await expect(post(page, 'gone')).toBeVisible();
  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(pill(page)).toHaveText(/Paused. Resume/);
  await api.create(`new #${tag}`);
  await api.edit(old.id, { content: `edited #${tag}` });
  await api.remove(gone.id);
  await expect(pill(page)).toHaveText(/3 changes waiting/);
  expect(await texts(page)).toEqual([`gone #${tag}`, `old #${tag}`]);
  await pill(page).click();
  await expect.poll(() => texts(page)).toEqual([`new #${tag}`, `edited #${tag}`]);
  await expect(pill(page)).toBeHidden();
});

test('a feed of 300 posts is read to its end in pages, with few of them in the document, all of them live', async ({
  page,
  api,
}) => {
  const tag = freshTag('long');
  const posts = await api.createMany(300, (n) => `note ${n} #${tag}`);
  await page.goto(`/feed/${tag}`);
  await expect(page.locator('.pane-count')).toHaveText('300 posts');
  const seen = new Set<string>();
  const pane = page.locator('.pane-scroll');
  await expect
    .poll(
      async () => {
        for (const text of await texts(page)) seen.add(text);
        expect(await page.getByRole('article').count()).toBeLessThan(60);
        await pane.evaluate((element) => element.scrollBy(0, element.clientHeight * 0.8));
        return seen.size;
      },
      { timeout: 40_000, intervals: [50] },
    )
    .toBe(300);
  await expect(page.getByText(`That is all of #${tag}.`)).toBeInViewport();
  await expect(post(page, `note 1 #${tag}`)).toBeInViewport();
  await api.edit(posts[0]?.id ?? '', { content: `the oldest, edited #${tag}` });
  await expect(post(page, 'the oldest, edited')).toBeInViewport();
  await api.remove(posts[1]?.id ?? '');
  await expect(post(page, `note 2 #${tag}`)).toHaveCount(0);
});

test('coming back to a feed finds it where it was left', async ({ page, api }) => {
  const tag = freshTag('return');
  await api.createMany(30, (n) => `note ${n} #${tag}`);
  await page.goto(`/feed/${tag}`);
  await expect(post(page, `note 30 #${tag}`)).toBeVisible();
  await page.locator('.pane-scroll').evaluate((pane) => pane.scrollTo(0, 1_000));
  const read = await firstInView(page);
  const id = await read.getAttribute('data-post-id');
  const before = await top(read);
  await read.getByRole('link').first().click();
  await expect(page).toHaveURL(new RegExp(`/post/${id}$`));
  await page.goBack();
  await expectAt(page.locator(`article[data-post-id="${id}"]`), before);
});

/** The first post that is wholly on screen in the pane. */
async function firstInView(page: Page): Promise<Locator> {
  let id: string | undefined;
  await expect
    .poll(async () => {
      id = await page.locator('.pane-scroll').evaluate((pane) => {
        const edge = pane.getBoundingClientRect().top;
        const found = [...pane.querySelectorAll<HTMLElement>('article')]
          .map((article) => ({ id: article.dataset.postId, top: article.getBoundingClientRect().top }))
          .filter((article) => article.top >= edge)
          .sort((a, b) => a.top - b.top);
        return found[0]?.id;
      });
      return id;
    })
    .toBeTruthy();
  return page.locator(`article[data-post-id="${id}"]`);
}

const top = async (article: Locator): Promise<number> => (await article.boundingBox())?.y ?? Number.NaN;

/** On screen at `y`, within the pixel or two that rounding takes. */
const expectAt = (article: Locator, y: number): Promise<void> =>
  expect.poll(async () => Math.abs((await top(article)) - y)).toBeLessThanOrEqual(2);
