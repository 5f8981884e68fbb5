import { isDeepStrictEqual } from 'node:util';
import { feedInList, post } from '../e2e/fixtures.ts';
import { startSecond, type DesktopApp } from './desktop-app.ts';
import { clickMenu, expect, firstWindow, openWindow, test, writePost } from './fixtures.ts';

/** Longer than a window manager takes for its part. */
const SLOWLY = { intervals: [1_000] };

test('after a restart every window is back: what it shows, where it is, how large it shows it', async ({
  launch,
  userData,
}) => {
  const app = await launch({ userData });
  const home = await firstWindow(app);
  await openWindow(app, home, { kind: 'feed', name: 'golang' });
  await openWindow(app, home, { kind: 'deck', feeds: ['golang', 'csp'] });
  const stateOf = (running: DesktopApp) =>
    running.evaluate(({ BrowserWindow }) => {
      const window = BrowserWindow.getAllWindows().find(({ webContents }) =>
        webContents.getURL().endsWith('/feed/golang'),
      );
      return { bounds: window?.getBounds(), zoomLevel: window?.webContents.getZoomLevel() };
    }, undefined);
  await app.evaluate(({ BrowserWindow }) => {
    const window = BrowserWindow.getAllWindows().find(({ webContents }) =>
      webContents.getURL().endsWith('/feed/golang'),
    );
    window?.setBounds({ x: 333, y: 111, width: 700, height: 650 });
    window?.webContents.setZoomLevel(1.5);
  }, undefined);
  // A window manager adds its frame to what it is asked for, a moment later.
  let before = await stateOf(app);
  await expect
    .poll(async () => {
      const last = before;
      before = await stateOf(app);
      return before.bounds?.width === 700 && isDeepStrictEqual(before, last);
    }, SLOWLY)
    .toBe(true);
  await app.quit();

  const again = await launch({ userData });
  const windows = await again.waitForWindows(3);
  const paths = windows.map((page) => page.url().replace(/^.*\/p\/local/, ''));
  expect(paths.sort()).toEqual(['/', '/deck?feeds=golang,csp', '/feed/golang']);
  await expect.poll(() => stateOf(again)).toEqual(before);
});

test('a window that lay on a screen that is gone is brought back onto one that is there', async ({
  launch,
  userData,
}) => {
  const app = await launch({ userData });
  await firstWindow(app);
  await app.evaluate(({ BrowserWindow }) => {
    BrowserWindow.getAllWindows()[0]?.setBounds({ x: 9000, y: 5000, width: 600, height: 500 });
  }, undefined);
  await app.quit();
  const again = await launch({ userData });
  await firstWindow(again);
  const isReachable = await again.evaluate(({ BrowserWindow, screen }) => {
    const bounds = BrowserWindow.getAllWindows()[0]?.getBounds() ?? { x: -1, y: -1, width: 0, height: 0 };
    const { workArea } = screen.getPrimaryDisplay();
    return bounds.x >= workArea.x && bounds.x + bounds.width <= workArea.x + workArea.width && bounds.y >= workArea.y;
  }, undefined);
  expect(isReachable).toBe(true);
});

test('posts are there after a restart, and after the app was killed', async ({ launch, userData }) => {
  const first = await launch({ userData });
  await writePost(await firstWindow(first), 'kept over a restart #kept');
  await first.quit();
  const second = await launch({ userData });
  const page = await firstWindow(second);
  await expect(feedInList(page, 'kept')).toContainText('1');
  await writePost(page, 'kept over a crash #kept');
  await expect(feedInList(page, 'kept')).toContainText('2');
  await second.kill();
  const third = await launch({ userData });
  const [after] = await third.waitForWindows(1);
  if (after === undefined) throw new Error('There is no window.');
  await expect(feedInList(after, 'kept')).toContainText('2');
});

test('a link starts the app on what it names', async ({ launch }) => {
  const app = await launch({ args: ['tagwire://feed/golang'] });
  const page = await app.waitForWindow(/\/feed\/golang$/);
  await expect(page.getByRole('heading', { name: '#golang', exact: true })).toBeVisible();
});

test('a link that macOS brings before the app is ready waits for it, and windows open once', async ({
  launch,
  shellKind,
}) => {
  test.skip(shellKind === 'electron', 'only macOS brings links as events, and no test can make it');
  const app = await launch({ args: ['--double-open-url=tagwire://feed/golang'] });
  const page = await app.waitForWindow(/\/feed\/golang$/);
  await expect(page.getByRole('heading', { name: '#golang', exact: true })).toBeVisible();
  expect(app.windows()).toHaveLength(2);
});

test('a link opens in the app that runs already, and the second copy ends', async ({ launch, shell, userData }) => {
  const app = await launch({ userData });
  const home = await firstWindow(app);
  await writePost(home, 'find me #links');
  const feed = await openWindow(app, home, { kind: 'feed', name: 'links' });
  const id = (await post(feed, 'find me').getAttribute('data-post-id')) ?? '';
  expect(await startSecond(shell, userData, [`tagwire://post/${id}`])).toBe(0);
  const page = await app.waitForWindow(new RegExp(`/post/${id}$`));
  await expect(post(page, 'find me')).toBeVisible();
});

test('a second start without a link brings the running app to the front', async ({ launch, shell, userData }) => {
  const app = await launch({ userData });
  await firstWindow(app);
  await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.minimize(), undefined);
  await startSecond(shell, userData, []);
  const state = () =>
    app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().map((window) => window.isMinimized()), undefined);
  await expect.poll(state).toEqual([false]);
});

test('with close-to-tray the app lives on without windows, and brings the last one back', async ({ launch }) => {
  const app = await launch();
  const home = await firstWindow(app);
  await home.evaluate(() => window.tagwire?.settings.set({ closeToTray: true }));
  const feed = await openWindow(app, home, { kind: 'feed', name: 'golang' });
  await home.close();
  await feed.close();
  await app.waitForWindows(0);
  await clickMenu(app, 'new-window');
  await app.waitForWindows(1);
});
