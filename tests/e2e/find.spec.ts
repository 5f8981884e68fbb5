import type { Locator, Page } from '@playwright/test';
import { expect, freshTag, post, test } from './fixtures.ts';

const bar = (page: Page): Locator => page.getByRole('search', { name: 'Find in page' });
const field = (page: Page): Locator => bar(page).getByRole('textbox');
const count = (page: Page): Locator => bar(page).getByRole('status');

/** What is marked, and what of it is the current hit, as text. */
const marked = (page: Page) =>
  page.evaluate(() =>
    ['find', 'find-current'].map((name) => [...(CSS.highlights.get(name) ?? [])].map((range) => String(range))),
  );

test('finding keeps the focus while one types, and marks what stands in posts, nothing else of the page', async ({
  page,
  api,
}) => {
  const tag = freshTag('find');
  await api.create(`a needle in the #${tag}`, 'Needles and pins');
  await api.create(`no such thing #${tag}`);
  await page.goto(`/feed/${tag}`);
  await expect(post(page, 'a needle')).toBeVisible();
  await page.keyboard.press('Control+f');
  await page.keyboard.type('needle', { delay: 30 });
  await expect(field(page)).toBeFocused();
  await expect(field(page)).toHaveValue('needle');
  await expect(count(page)).toHaveText('1 of 2');
  expect(await marked(page)).toEqual([['Needle', 'needle'], ['Needle']]);
  // The bar's own words are none of the page's.
  await field(page).fill('previous');
  await expect(count(page)).toHaveText('Nothing found');
});

test('Enter goes on, Shift+Enter back, both from the end to the beginning; Escape gives the focus back', async ({
  page,
  api,
}) => {
  const tag = freshTag('steps');
  await api.createMany(3, (n) => `hay ${n} #${tag}`);
  await page.goto(`/feed/${tag}`);
  const first = post(page, 'hay 3');
  await first.focus();
  await page.keyboard.press('Control+f');
  await field(page).fill('hay');
  await expect(count(page)).toHaveText('1 of 3');
  for (const [key, expected] of [
    ['Enter', '2 of 3'],
    ['Enter', '3 of 3'],
    ['Enter', '1 of 3'],
    ['Shift+Enter', '3 of 3'],
  ] as const) {
    await page.keyboard.press(key);
    await expect(count(page)).toHaveText(expected);
    await expect(field(page)).toBeFocused();
  }
  await bar(page).getByRole('button', { name: 'Next' }).click();
  await expect(count(page)).toHaveText('1 of 3');
  await expect(field(page)).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(bar(page)).toBeHidden();
  await expect(first).toBeFocused();
  expect(await marked(page)).toEqual([[], []]);
});

test('posts that the list does not draw are found and brought on screen', async ({ page, api }) => {
  const tag = freshTag('far');
  await api.createMany(50, (n) => (n % 24 === 1 ? `treasure ${n} #${tag}` : `note ${n} #${tag}`));
  await page.goto(`/feed/${tag}`);
  await expect(post(page, `note 50 #${tag}`)).toBeVisible();
  await expect(post(page, `treasure 1 #${tag}`)).toHaveCount(0);
  await page.keyboard.press('Control+f');
  await field(page).fill('treasure');
  await expect(count(page)).toHaveText('1 of 3');
  await expect(post(page, `treasure 49 #${tag}`)).toBeInViewport();
  await page.keyboard.press('Shift+Enter');
  await expect(count(page)).toHaveText('3 of 3');
  await expect(post(page, `treasure 1 #${tag}`)).toBeInViewport();
  await expect.poll(() => marked(page)).toEqual([['treasure'], ['treasure']]);
  await page.keyboard.press('Enter');
  await page.keyboard.press('Enter');
  await expect(post(page, `treasure 25 #${tag}`)).toBeInViewport();
  await expect(field(page)).toBeFocused();
});

test('a hit in the cut part of a long post is shown', async ({ page, api }) => {
  const tag = freshTag('cut');
  await api.create(`${'a line of it\n'.repeat(60)}the needle ${'\nmore of it'.repeat(60)} #${tag}`);
  await page.goto(`/feed/${tag}`);
  await expect(post(page, 'a line')).toBeVisible();
  await page.keyboard.press('Control+f');
  await field(page).fill('needle');
  await expect(count(page)).toHaveText('1 of 1');
  const isInside = () =>
    page.evaluate(() => {
      const [range] = CSS.highlights.get('find-current') ?? [];
      const hit = (range as Range | undefined)?.getBoundingClientRect();
      const pane = document.querySelector('.pane-scroll')?.getBoundingClientRect();
      const text = document.querySelector('.post-text')?.getBoundingClientRect();
      if (!hit || !pane || !text) return false;
      return hit.top >= pane.top && hit.bottom <= pane.bottom && hit.bottom <= text.bottom;
    });
  await expect.poll(isInside).toBe(true);
});

test('hits follow the posts as they come, change and go', async ({ page, api }) => {
  const tag = freshTag('alive');
  const first = await api.create(`one needle #${tag}`);
  await page.goto(`/feed/${tag}`);
  await expect(post(page, 'one needle')).toBeVisible();
  await page.keyboard.press('Control+f');
  await field(page).fill('needle');
  await expect(count(page)).toHaveText('1 of 1');
  await api.create(`another needle #${tag}`);
  await expect(count(page)).toHaveText('2 of 2');
  await api.edit(first.id, { content: `gone from here #${tag}` });
  await expect(count(page)).toHaveText('1 of 1');
});

test('finding reaches all columns of a deck, a post on its own page, and what a search found', async ({
  page,
  api,
}) => {
  const [left, right] = [freshTag('left'), freshTag('right')];
  const { id } = await api.create(`quaint #${left}`);
  await api.create(`quaint too #${right}`);
  await page.goto(`/deck?feeds=${left},${right}`);
  await expect(post(page, 'quaint too')).toBeVisible();
  await page.keyboard.press('Control+f');
  await field(page).fill('quaint');
  await expect(count(page)).toHaveText('1 of 2');
  await page.goto(`/post/${id}`);
  await expect(post(page, 'quaint')).toBeVisible();
  await page.keyboard.press('Control+f');
  await field(page).fill('quaint');
  await expect(count(page)).toHaveText('1 of 1');
  await page.goto(`/search?q=${left}`);
  await expect(post(page, 'quaint')).toBeVisible();
  await page.keyboard.press('Control+f');
  await field(page).fill('quaint');
  await expect(count(page)).toHaveText('1 of 1');
});
