import { expect, feedInList, fillPost, freshTag, post, test } from './fixtures.ts';

test('the address of a feed, a post, a search and a deck opens just that', async ({ page, api }) => {
  const [tag, other] = [freshTag('deep'), freshTag('deeper')];
  const { id } = await api.create(`rare${tag} words #${tag} #${other}`, 'A title');
  await page.goto(`/feed/${tag}`);
  await expect(page.getByRole('heading', { level: 1, name: `#${tag}` })).toBeVisible();
  await page.goto(`/post/${id}`);
  await expect(page.getByRole('heading', { level: 1, name: 'A title' })).toBeVisible();
  await page.goto(`/search?q=rare${tag}`);
  await expect(page.getByRole('article', { name: 'A title' })).toBeVisible();
  await page.goto(`/deck?feeds=${tag},${other}`);
  await expect(page.getByRole('heading', { level: 2, name: `#${tag}` })).toBeVisible();
  await expect(page.getByRole('heading', { level: 2, name: `#${other}` })).toBeVisible();
  await expect(page).toHaveTitle(new RegExp(`#${tag} #${other}`));
});

test('a feed in another script has an address that can be typed', async ({ page, api }) => {
  const tag = `${freshTag('été')}发布会`;
  await api.create(`bonjour #${tag}`);
  await page.goto(`/feed/${encodeURIComponent(tag.toUpperCase())}`);
  await expect(page.getByRole('heading', { level: 1, name: `#${tag}` })).toBeVisible();
  await expect(post(page, 'bonjour')).toBeVisible();
});

for (const { what, path, heading, way } of [
  { what: 'an address that is no page', path: '/no/such/page', heading: 'There is no such page', way: 'Go home' },
  { what: 'a post that is not there', path: '/post/nothing', heading: 'This post is not here', way: 'See all feeds' },
  { what: 'a name that is no hashtag', path: '/feed/no%20tag', heading: 'That is not a hashtag', way: 'See all feeds' },
]) {
  test(`${what} says so and leads on`, async ({ page }) => {
    await page.goto(path);
    await expect(page.getByRole('heading', { level: 1, name: heading })).toBeVisible();
    await page.getByRole('link', { name: way }).click();
    await expect(page).toHaveURL(/\/$/);
  });
}

test('a feed without posts waits for the first one', async ({ page, api }) => {
  const tag = freshTag('first');
  await page.goto(`/feed/${tag}`);
  await expect(page.getByRole('heading', { name: `Nothing in #${tag} yet` })).toBeVisible();
  await page.getByRole('button', { name: 'Write the first one' }).click();
  await expect(page.getByRole('form', { name: 'New post' }).getByLabel('Text')).toHaveValue(`#${tag} `);
  await api.create(`somebody was faster #${tag}`);
  await expect(post(page, 'somebody was faster')).toBeVisible();
});

test('back and forward go through the pages', async ({ page, api }) => {
  const tag = freshTag('back');
  await api.create(`text #${tag}`, `Title ${tag}`);
  await page.goto('/');
  await feedInList(page, tag).click();
  await post(page, 'text')
    .getByRole('link', { name: `Title ${tag}` })
    .click();
  await expect(page.getByRole('heading', { level: 1, name: `Title ${tag}` })).toBeVisible();
  await page.goBack();
  await expect(page.getByRole('heading', { level: 1, name: `#${tag}` })).toBeVisible();
  await page.goBack();
  await expect(page).toHaveURL(/\/$/);
  await page.goForward();
  await expect(page.getByRole('heading', { level: 1, name: `#${tag}` })).toBeVisible();
});

test('after a change of page the focus is on its heading', async ({ page, api }) => {
  const tag = freshTag('focus');
  await api.create(`text #${tag}`);
  await page.goto('/');
  await feedInList(page, tag).press('Enter');
  await expect(page.getByRole('heading', { level: 1, name: `#${tag}` })).toBeFocused();
});

test('the first stop of the Tab key skips to the posts', async ({ page }) => {
  await page.goto('/');
  await expect(page.getByRole('main')).toBeVisible();
  await page.keyboard.press('Tab');
  const skip = page.getByRole('link', { name: 'Skip to the posts' });
  await expect(skip).toBeFocused();
  await expect(skip).toBeInViewport();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('main')).toBeFocused();
});

test('the keyboard alone reads, opens, edits and writes', async ({ page, api }) => {
  const tag = freshTag('keys');
  await api.create(`lower #${tag}`);
  const upper = await api.create(`upper #${tag}`);
  await page.goto(`/feed/${tag}`);
  await expect(post(page, 'upper')).toBeVisible();
  await page.keyboard.press('j');
  await expect(post(page, 'upper')).toBeFocused();
  await page.keyboard.press('j');
  await expect(post(page, 'lower')).toBeFocused();
  await page.keyboard.press('k');
  await page.keyboard.press('o');
  await expect(page).toHaveURL(new RegExp(`/post/${upper.id}$`));
  await page.keyboard.press('e');
  const text = page.getByRole('form', { name: 'Edit post' }).getByLabel('Text');
  await expect(text).toBeFocused();
  await text.fill(`uppermost #${tag}`);
  await page.keyboard.press('Control+Enter');
  await expect(post(page, 'uppermost')).toBeVisible();
  await page.keyboard.press('n');
  await expect(page.getByRole('form', { name: 'New post' }).getByLabel('Text')).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('form', { name: 'New post' })).toBeHidden();
});

test('the other shortcuts do what the list of shortcuts says', async ({ page }) => {
  await page.goto('/');
  await expect(page.getByText('Live', { exact: true })).toBeVisible();
  await page.keyboard.press('?');
  const help = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
  await expect(help).toContainText('Pause or resume live updates');
  await page.keyboard.press('Escape');
  await page.keyboard.press('f');
  await expect(page.getByRole('searchbox', { name: 'Filter feeds' })).toBeFocused();
  await page.getByRole('heading', { level: 1 }).focus();
  await page.keyboard.press('g');
  await page.keyboard.press('d');
  await expect(page).toHaveURL(/\/deck$/);
  await page.keyboard.press('g');
  await page.keyboard.press('s');
  await expect(page).toHaveURL(/\/settings$/);
  await page.keyboard.press('g');
  await page.keyboard.press('h');
  await expect(page).toHaveURL(/\/$/);
  await page.keyboard.press('/');
  await expect(page.getByRole('searchbox', { name: 'Search posts' })).toBeFocused();
});

test('shortcuts are letters while one types', async ({ page }) => {
  await page.goto('/');
  const form = await fillPost(page, '');
  await form.getByLabel('Text').press('n');
  await form.getByLabel('Text').press('?');
  await expect(form.getByLabel('Text')).toHaveValue('n?');
  await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeHidden();
});

test('the list of feeds can be filtered, and Enter opens the first that is left', async ({ page, api }) => {
  const tag = freshTag('sought');
  await api.create(`here #${tag}`);
  await page.goto('/');
  await expect(feedInList(page, tag)).toBeVisible();
  const filter = page.getByRole('searchbox', { name: 'Filter feeds' });
  await filter.fill(`#${tag.toUpperCase()}`);
  await expect(page.getByRole('navigation', { name: 'Feeds' }).getByRole('listitem')).toHaveCount(1);
  await filter.press('Enter');
  await expect(page).toHaveURL(new RegExp(`/feed/${tag}$`));
});

test('a feed opens in a second window, which is live too', async ({ page, context, api }) => {
  const tag = freshTag('second');
  await page.goto(`/feed/${tag}`);
  const opened = context.waitForEvent('page');
  await page.getByRole('button', { name: 'Open in new window' }).click();
  const second = await opened;
  await expect(second.getByRole('heading', { level: 1, name: `#${tag}` })).toBeVisible();
  await api.create(`hello #${tag}`);
  for (const window of [page, second]) await expect(post(window, 'hello')).toBeVisible();
});

test('the link that a post copies leads back to it', async ({ page, context, api }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const tag = freshTag('link');
  const { id } = await api.create(`text #${tag}`);
  await page.goto(`/feed/${tag}`);
  await post(page, 'text').getByRole('button', { name: 'Copy link' }).click();
  await expect(page.getByText('The link is in the clipboard.')).toBeVisible();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  expect(new URL(link).pathname).toBe(`/post/${id}`);
  await page.goto(link);
  await expect(post(page, 'text')).toBeVisible();
});
