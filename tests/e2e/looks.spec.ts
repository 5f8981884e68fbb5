import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { apiOf, complaintsOf, expect, test } from './fixtures.ts';

/*
 * Every screen, in light and dark, narrow and wide: nothing is cut off at the side, nothing is hard to see or to
 * hear, and the console has nothing to say.
 */

type Screen = {
  readonly name: string;
  readonly path: string;
  /** What is on screen when it is ready. */
  readonly shows: string | RegExp;
  /** What else is done there before it is looked at. */
  readonly act?: (page: Page) => Promise<void>;
};

const EMPTY: readonly Screen[] = [
  { name: 'the empty home page', path: '/', shows: 'Nothing here yet' },
  { name: 'an empty feed', path: '/feed/nothing', shows: 'Nothing in #nothing yet' },
  { name: 'an empty deck', path: '/deck', shows: 'An empty deck' },
  { name: 'an unknown page', path: '/no/page', shows: 'There is no such page' },
  { name: 'an unknown post', path: '/post/none', shows: 'This post is not here' },
  { name: 'a name that is no tag', path: '/feed/no%20tag', shows: 'That is not a hashtag' },
  { name: 'the settings', path: '/settings', shows: 'Appear at the top' },
];

const full = (id: string): readonly Screen[] => [
  { name: 'the home page', path: '/', shows: 'Lately' },
  { name: 'a feed', path: '/feed/release', shows: 'wrapped or cut' },
  { name: 'a deck', path: '/deck?feeds=release,发布会,مرحبا', shows: 'wrapped or cut' },
  { name: 'a search', path: '/search?q=wrapped', shows: 'wrapped or cut' },
  {
    name: 'a post with its history',
    path: `/post/${id}`,
    shows: 'wrapped or cut',
    act: async (page) => {
      await page.getByRole('button', { name: 'History' }).click();
      await expect(page.getByText('Version 1')).toBeVisible();
    },
  },
  {
    name: 'an edit that was overtaken',
    path: `/post/${id}?edit`,
    shows: 'Save',
    act: async (page) => {
      await page.getByLabel('Text').fill('mine');
      await apiOf(new URL(page.url()).origin).edit(id, { title: 'Somebody else was here' });
      await expect(page.getByRole('alert', { name: 'Changed meanwhile' })).toBeVisible();
      await page.getByRole('button', { name: 'Cancel' }).scrollIntoViewIfNeeded();
    },
  },
  {
    name: 'a new post with mistakes',
    path: '/feed/release',
    shows: 'wrapped or cut',
    act: async (page) => {
      await page.getByRole('button', { name: 'New post' }).click();
      await page.getByLabel('Your name').fill('');
      await page.getByRole('button', { name: 'Post', exact: true }).click();
      await expect(page.getByText('Your name must not be empty.')).toBeVisible();
    },
  },
];

// Axe takes its time: it looks at each theme in one width. Layout is looked at in both.
for (const { colorScheme, widths } of [
  { colorScheme: 'light', widths: [360, 1600] },
  { colorScheme: 'dark', widths: [1600, 360] },
] as const) {
  test(`all screens are sound in the ${colorScheme} theme, narrow and wide`, async ({
    browser,
    emptyServer: server,
  }) => {
    test.setTimeout(120_000);
    const context = await browser.newContext({ baseURL: server.url, colorScheme, reducedMotion: 'reduce' });
    const page = await context.newPage();
    const complaints = complaintsOf(page);
    const look = async ({ name, path, shows, act }: Screen) => {
      await page.goto(path);
      await expect(page.locator('main').getByText(shows).first()).toBeVisible();
      await act?.(page);
      await expectSound(page, name, widths);
    };
    for (const screen of EMPTY) await look(screen);
    for (const screen of full(await fill(server.url))) await look(screen);
    expect(complaints).toEqual([]);

    await server.kill();
    await expect(page.getByText(/Reconnecting in/)).toBeVisible();
    await page.keyboard.press('Escape');
    await expectSound(page, 'the disconnected app', widths);
    await context.close();
  });
}

/** Posts that are hard to lay out; gives the id of the one with a history. */
async function fill(url: string): Promise<string> {
  const api = apiOf(url);
  const long = `Supercalifragilistic${'expialidocious'.repeat(12)}`;
  await api.create(`مرحبا بالعالم #مرحبا #release`, 'عنوان', 'ليلى');
  await api.create(`今天下午三点开始 #发布会 #release`, '', '小明');
  await api.create(`${long} https://example.org/${long} #${'tag'.repeat(21)} #release`, long, long.slice(0, 100));
  const { id } = await api.create('First words about what is wrapped or cut #release', 'Wrapping', 'Ada');
  await api.edit(id, { content: 'Last words about what is wrapped or cut #release #发布会' });
  await expect.poll(async () => (await api.feed('发布会')).total).toBe(2);
  return id;
}

/** Nothing sticks out at any of the widths, and axe finds nothing at the last one. */
async function expectSound(page: Page, name: string, widths: readonly number[]): Promise<void> {
  for (const width of widths) {
    await page.setViewportSize({ width, height: 800 });
    const extra = () =>
      page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    // The app changes its layout in the frame after the resize.
    await expect.poll(extra, `${name} scrolls sideways at ${width} px`).toBe(0);
  }
  // Nothing here is in a frame, so axe needs no page of its own to put results together (legacy mode).
  const axe = new AxeBuilder({ page }).setLegacyMode().options({ resultTypes: ['violations'] });
  const { violations } = await axe.analyze();
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  expect.soft(found, name).toEqual([]);
}
