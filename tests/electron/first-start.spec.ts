import { post, feedInList } from '../e2e/fixtures.ts';
import { clickMenu, expect, firstWindow, openWindow, test, writePost } from './fixtures.ts';

test('the first start shows one window on this computer, and it can be written in at once', async ({ launch }) => {
  const app = await launch();
  const page = await firstWindow(app);
  await expect(page).toHaveURL(/\/p\/local\/$/);
  await writePost(page, 'the first note #hello');
  await expect(feedInList(page, 'hello')).toContainText('1');
});

test('what one window posts, three windows show, on the feed, on the post and on the list', async ({ launch }) => {
  const app = await launch();
  const home = await firstWindow(app);
  const feed = await openWindow(app, home, { kind: 'feed', name: 'golang' });
  await writePost(home, 'a channel of channels #golang');
  await expect(post(feed, 'a channel of channels')).toBeVisible();
  const id = (await post(feed, 'a channel').getAttribute('data-post-id')) ?? '';
  const single = await openWindow(app, feed, { kind: 'post', id });
  await expect(post(single, 'a channel of channels')).toBeVisible();

  await single.getByRole('button', { name: 'Edit' }).click();
  await single.getByLabel('Text').fill('a select over channels #golang #csp');
  await single.getByRole('button', { name: 'Save' }).click();
  await expect(post(feed, 'a select over channels')).toBeVisible();
  await expect(feedInList(home, 'csp')).toContainText('1');
  expect(app.windows()).toHaveLength(3);
});

test('the pages’ manifest is to be had: what fetches it brings the secret cookie along', async ({ launch }) => {
  const page = await firstWindow(await launch());
  const session = await page.context().newCDPSession(page);
  const manifest = await session.send('Page.getAppManifest');
  expect(manifest.errors).toEqual([]);
  expect(manifest.data).toContain('"name": "Tagwire"');
});

test('all windows share one connection to the server', async ({ launch }) => {
  const app = await launch();
  const home = await firstWindow(app);
  for (let count = 0; count < 7; count++) await clickMenu(app, 'new-window');
  const windows = await app.waitForWindows(8);
  for (const page of windows) await expect(page.getByText('Live', { exact: true })).toBeVisible();
  // With an EventSource for each of them, the seventh would wait for ever: six connections a host.
  await writePost(home, 'to all of you #wide');
  for (const page of windows) await expect(feedInList(page, 'wide')).toContainText('1');
});

test('quitting ends the app and its server within five seconds', async ({ launch }) => {
  const app = await launch();
  const { origin } = new URL((await firstWindow(app)).url());
  const begin = Date.now();
  expect(await app.quit()).toBe(0);
  expect(Date.now() - begin).toBeLessThan(5000);
  await expect(fetch(origin)).rejects.toThrow();
});
