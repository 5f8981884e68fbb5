import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { apiOf, feedInList, post } from '../e2e/fixtures.ts';
import type { DesktopApp } from './desktop-app.ts';
import { giveToOtherUser } from '../services/other-user.ts';
import {
  addServer,
  answerDialogs,
  clickMenu,
  expect,
  firstWindow,
  notifications,
  openWindow,
  test,
  writePost,
} from './fixtures.ts';

test('when the server process dies it is started again, and windows heal by themselves', async ({ launch }) => {
  const app = await launch();
  const home = await firstWindow(app);
  await writePost(home, 'before it died #phoenix');
  const feed = await openWindow(app, home, { kind: 'feed', name: 'phoenix' });
  await expect(post(feed, 'before it died')).toBeVisible();
  const origin = new URL(home.url()).origin;
  const pid = await home.evaluate(async () => (await window.tagwire?.server.get())?.pid);
  process.kill(pid ?? 0, 'SIGKILL');
  await expect
    .poll(
      () =>
        fetch(origin).then(
          (answer) => answer.status,
          () => 'down',
        ),
      { timeout: 20_000 },
    )
    .toBe(403);
  await writePost(home, 'after it died #phoenix');
  await expect(post(feed, 'after it died')).toBeVisible({ timeout: 45_000 });
  await expect(feedInList(home, 'phoenix')).toContainText('2');
  expect(new URL(feed.url()).origin).toBe(origin);
});

test('a server process that keeps dying is told of, and started again when the user asks', async ({ launch }) => {
  const app = await launch();
  const home = await firstWindow(app);
  const asked = await answerDialogs(app, 0);
  const pid = () => home.evaluate(async () => (await window.tagwire?.server.get())?.pid);
  let last: number | undefined;
  for (let death = 1; death <= 4; death++) {
    await expect.poll(pid, { timeout: 20_000 }).not.toBe(last);
    await expect.poll(pid).toBeDefined();
    last = await pid();
    process.kill(last ?? 0, 'SIGKILL');
    await expect.poll(pid).not.toBe(last);
  }
  await expect.poll(asked).toEqual([expect.stringMatching(/own server does not run.*stopped 4 times in a row/s)]);
  await writePost(home, 'after all that #alive');
  await expect(feedInList(home, 'alive')).toContainText('1', { timeout: 45_000 });
});

test('a data folder that another copy holds is named, and nothing is done to it', async ({ launch, userData }) => {
  const DATA_DIR = join(userData, 'posts');
  const first = await launch({ env: { DATA_DIR } });
  const page = await firstWindow(first);
  const second = await launch({ env: { DATA_DIR } });
  const asked = await answerDialogs(second, 'never');
  await expect.poll(asked, { timeout: 20_000 }).toEqual([expect.stringContaining(DATA_DIR)]);
  await writePost(page, 'still mine #lock');
  await expect(feedInList(page, 'lock')).toContainText('1');
});

test('before an upgrade of the schema the posts are backed up', async ({ launch, userData }) => {
  await mkdir(join(userData, 'data'), { recursive: true });
  // As a release before the first would have left it.
  const old = new DatabaseSync(join(userData, 'data/write.db'));
  old.exec('CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES (1)');
  old.close();
  await giveToOtherUser(join(userData, 'data'));
  await giveToOtherUser(join(userData, 'data/write.db'));
  await firstWindow(await launch({ userData }));
  const [backup = ''] = await readdir(join(userData, 'data/backups'));
  const copy = new DatabaseSync(join(userData, 'data/backups', backup), { readOnly: true });
  expect(copy.prepare('SELECT count(*) AS notes FROM notes').get()).toEqual({ notes: 1 });
  copy.close();
});

test('a crashed window offers a reload, and is whole again after it', async ({ launch }) => {
  const app = await launch();
  const home = await firstWindow(app);
  await writePost(home, 'still here #crash');
  const asked = await answerDialogs(app, 0);
  await app.evaluate(
    ({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.webContents.forcefullyCrashRenderer(),
    undefined,
  );
  await expect.poll(asked).toEqual([expect.stringMatching(/^This window has stopped working/)]);
  // Asked of the main process: Playwright takes a page that crashed once for dead.
  const shown = () =>
    app.evaluate(
      ({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.webContents.executeJavaScript('document.body.innerText'),
      undefined,
    );
  await expect.poll(() => shown().catch(() => ''), { timeout: 20_000 }).toContain('#crash');
});

test('a post in a followed feed notifies and counts, unless it is seen', async ({ launch, serve, shell }) => {
  const server = await serve();
  const api = apiOf(server.url);
  await api.create('old news #alerts');
  const app = await launch();
  const home = await firstWindow(app);
  const team = await addServer(home, 'Team', server.url);
  const shownOf = async (name: string) =>
    (await notifications(app, shell)).filter((title) => title.startsWith(`#${name}`));
  const unread = (name: string) =>
    home.evaluate(async ([profile, of]) => (await window.tagwire?.unread.get())?.[profile]?.[of] ?? 0, [
      team,
      name,
    ] as const);
  const badge = () => app.evaluate(({ app: running }) => running.getBadgeCount(), undefined);

  const feed = await openWindow(app, home, { kind: 'feed', name: 'alerts' }, team);
  await expect(post(feed, 'old news')).toBeVisible();
  for (const name of ['alerts', 'ready', 'marker']) {
    await feed.evaluate((followed) => window.tagwire?.feeds.follow(followed, true), name);
  }
  // All three are on one stream, and news comes in order: when a marker is counted, what came before was judged.
  await expect
    .poll(async () => {
      await api.create('until it is followed #ready');
      return unread('ready');
    })
    .toBeGreaterThan(0);
  const mark = async (count: number) => {
    await api.create('nobody looks here #marker');
    await expect.poll(() => unread('marker')).toBe(count);
  };
  await mark(1);

  await feed.mouse.click(400, 5);
  await api.create('seen at once #alerts');
  await expect(post(feed, 'seen at once')).toBeVisible();
  await mark(2);
  expect(await unread('alerts')).toBe(0);
  expect(await shownOf('alerts')).toEqual([]);

  await feed.close();
  for (const number of [1, 2, 3]) await api.create(`unseen ${number} #alerts`);
  await expect.poll(() => unread('alerts')).toBe(3);
  // The first at once, the others together 3 s later.
  await expect.poll(() => shownOf('alerts')).toHaveLength(2);
  expect(await shownOf('alerts')).toEqual([
    expect.stringMatching(/^#alerts · Ada · Team$/),
    expect.stringMatching(/^#alerts: 2 new posts · Team$/),
  ]);

  await openWindow(app, home, { kind: 'feed', name: 'alerts' }, team);
  await expect.poll(() => unread('alerts')).toBe(0);
  // Of Linux's desktops only Unity shows a badge, and the one that the real Electron runs on is not that.
  expect(await badge()).toBe(shell.kind === 'double' ? (await unread('ready')) + 2 : 0);
});

test('the menus do what they say', async ({ launch }) => {
  const app = await launch();
  const home = await firstWindow(app);
  const zoom = () =>
    app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.webContents.getZoomLevel(), undefined);
  await clickMenu(app, 'zoom-in');
  expect(await zoom()).toBe(0.5);
  await clickMenu(app, 'zoom-reset');
  expect(await zoom()).toBe(0);
  await clickMenu(app, 'copy-diagnostics');
  const copied = await app.evaluate(({ clipboard }) => clipboard.readText(), undefined);
  expect(copied).toMatch(/^Tagwire \d.*\n/);
  expect(copied).toContain('Profile on this computer: connected');
  await clickMenu(app, 'settings');
  await app.waitForWindow(/\/p\/local\/settings$/);
  await clickMenu(app, 'settings');
  await clickMenu(app, 'about');
  await app.waitForWindow(/\/p\/local\/about$/);
  expect(app.windows()).toHaveLength(3);
  await expect(home).toHaveURL(/\/p\/local\/$/);
});

test('windows that are closed while they load take nothing down', async ({ launch }) => {
  const app = await launch();
  await firstWindow(app);
  for (let ms = 0; ms < 240; ms += 12) {
    await app.evaluate(async ({ BrowserWindow, Menu }, wait) => {
      const before = new Set(BrowserWindow.getAllWindows());
      Menu.getApplicationMenu()?.getMenuItemById('new-window')?.click();
      await new Promise((resolve) => setTimeout(resolve, wait));
      for (const window of BrowserWindow.getAllWindows()) if (!before.has(window)) window.close();
    }, ms);
  }
  await app.waitForWindows(1);
  expect(await app.quit()).toBe(0);
});

test('a server process that is stopped is ended with the app', async ({ launch }) => {
  const app = await launch();
  const home = await firstWindow(app);
  const pid = (await home.evaluate(async () => (await window.tagwire?.server.get())?.pid)) ?? 0;
  process.kill(pid, 'SIGSTOP');
  expect(await app.quit()).toBe(0);
  await expect.poll(() => isRunning(pid)).toBe(false);
});

test('a window that hangs is loaded anew after one question', async ({ launch, shell }) => {
  test.skip(shell.kind === 'double', 'a page of the double that hangs holds up Playwright too');
  const app = await launch();
  const home = await firstWindow(app);
  const asked = await answerDialogs(app, 0);
  void home
    .evaluate(() =>
      setTimeout(() => {
        for (;;);
      }),
    )
    .catch(() => undefined);
  await app.evaluate(({ BrowserWindow }) => {
    const contents = BrowserWindow.getAllWindows()[0]?.webContents;
    // As Chromium does, which takes its time for it, and goes on with it.
    contents?.emit('unresponsive');
    contents?.emit('unresponsive');
  }, undefined);
  const shown = () =>
    app.evaluate(({ BrowserWindow }) => {
      const contents = BrowserWindow.getAllWindows()[0]?.webContents;
      const text = contents?.executeJavaScript('document.body.innerText') as Promise<string>;
      return Promise.race([text, new Promise<string>((resolve) => setTimeout(resolve, 1_000, 'it hangs'))]);
    }, undefined);
  await expect.poll(shown, { timeout: 20_000 }).toContain('New post');
  expect(await asked()).toEqual([expect.stringMatching(/^This window does not respond/)]);
});

test('zooming a window leaves the others as they are, over a restart too', async ({ launch, userData }) => {
  const app = await launch({ userData });
  const home = await firstWindow(app);
  await openWindow(app, home, { kind: 'settings' });
  await expect.poll(() => zooms(app)).toEqual([0, 0]);
  await clickMenu(app, 'zoom-in');
  await expect.poll(() => zooms(app)).toEqual([0, 0.5]);
  await app.quit();
  const again = await launch({ userData });
  await again.waitForWindows(2);
  await expect.poll(() => zooms(again)).toEqual([0, 0.5]);
});

/** The windows' zoom levels, the smallest first. */
async function zooms(app: DesktopApp): Promise<number[]> {
  const levels = await app.evaluate(
    ({ BrowserWindow }) => BrowserWindow.getAllWindows().map(({ webContents }) => webContents.getZoomLevel()),
    undefined,
  );
  return levels.sort((a, b) => a - b);
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
