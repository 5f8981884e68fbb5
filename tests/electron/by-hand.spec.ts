import { post } from '../e2e/fixtures.ts';
import type { DesktopApp, Shell } from './desktop-app.ts';
import { expect, firstWindow, openWindow, test, writePost } from './fixtures.ts';

/*
 * What a person does with keys, and sees: through the window manager, GTK's menus and dialogs, on Electron's own binary.
 * Each picture of the screen is attached to the report, for somebody to look at.
 */
test.skip(({ shellKind }) => shellKind === 'double', 'the double has no screen');

test('the menu bar opens by its keys, and its items do what they say', async ({ launch, shell }) => {
  const app = await launch();
  const page = await firstWindow(app);
  const { key, look } = handsOn(shell);
  await key('alt+f');
  await look('the menu File');
  // New Post, New Window.
  await key('Down', 'Down', 'Return');
  await app.waitForWindows(2);
  await key('ctrl+n');
  await expect.poll(async () => formsIn(app)).toBe(1);
  await look('a new post, by its keys');
  await expect(page.getByText('Live', { exact: true })).toBeVisible();
});

test('find on page is typed: it keeps the focus, and counts what posts say and nothing else', async ({
  launch,
  shell,
}) => {
  const app = await launch();
  const page = await firstWindow(app);
  for (const text of ['needle one #hay', 'nothing #hay', 'needle two #hay']) await writePost(page, text);
  const feed = await openWindow(app, page, { kind: 'feed', name: 'hay' });
  await expect(post(feed, 'needle two')).toBeVisible();
  await feed.bringToFront();
  const { key, type, look } = handsOn(shell);
  await key('ctrl+f');
  const bar = feed.getByRole('search', { name: 'Find on page' }).or(feed.getByRole('search', { name: 'Find in page' }));
  await expect(bar.getByRole('textbox')).toBeFocused();
  await type('needle');
  await expect(bar.getByRole('textbox')).toHaveValue('needle');
  await expect(bar.getByRole('status')).toHaveText('1 of 2');
  await key('Return');
  await expect(bar.getByRole('status')).toHaveText('2 of 2');
  await expect(bar.getByRole('textbox')).toBeFocused();
  await look('find on page');
  await key('Escape');
  await expect(bar).toBeHidden();
});

test('each window has a zoom of its own, by its keys, and keeps it over a restart', async ({
  launch,
  shell,
  userData,
}) => {
  const app = await launch({ userData });
  const home = await firstWindow(app);
  await openWindow(app, home, { kind: 'feed', name: 'golang' });
  const { key, look } = handsOn(shell);
  const zooms = (running: DesktopApp) =>
    running.evaluate(
      ({ BrowserWindow }) =>
        Object.fromEntries(
          BrowserWindow.getAllWindows().map(({ webContents }) => [
            new URL(webContents.getURL()).pathname,
            webContents.getZoomLevel(),
          ]),
        ),
      undefined,
    );
  await expect.poll(() => isInFront(app, '/feed/golang')).toBe(true);
  await key('ctrl+plus', 'ctrl+plus', 'ctrl+plus');
  await expect.poll(() => zooms(app)).toEqual({ '/p/local/': 0, '/p/local/feed/golang': 1.5 });
  const widths = async (running: DesktopApp) =>
    Promise.all(
      ['/$', '/feed/golang$'].map(async (path) => {
        const page = await running.waitForWindow(new RegExp(path));
        return page.evaluate(() => Math.round(devicePixelRatio * 100) / 100);
      }),
    );
  await expect.poll(() => widths(app)).toEqual([1, 1.31]);
  await look('two windows, one of them zoomed');
  await app.quit();
  const again = await launch({ userData });
  await again.waitForWindows(2);
  await expect.poll(() => zooms(again)).toEqual({ '/p/local/': 0, '/p/local/feed/golang': 1.5 });
  await expect.poll(() => widths(again)).toEqual([1, 1.31]);
});

test('a crashed page asks in a dialog of the system, and Return reloads it', async ({ launch, shell }) => {
  const app = await launch();
  const page = await firstWindow(app);
  await writePost(page, 'still here #crash');
  const { key, look, dialog } = handsOn(shell);
  await app.evaluate(
    ({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.webContents.forcefullyCrashRenderer(),
    undefined,
  );
  await expect.poll(dialog, { timeout: 20_000 }).toBe(true);
  await look('the dialog after a crash');
  await key('Return');
  await expect.poll(() => textOf(app), { timeout: 20_000 }).toContain('#crash');
  expect(await dialog()).toBe(false);
});

test('a window that hangs asks once, and Return ends its page and loads it anew', async ({ launch, shell }) => {
  const app = await launch();
  const page = await firstWindow(app);
  await writePost(page, 'after the hang #slow');
  const { key, look, dialog } = handsOn(shell);
  const hang = () => {
    for (;;);
  };
  page.evaluate(hang).catch(() => undefined);
  // Chromium tells of a hang by itself, but not while Playwright's debugger is attached.
  await app.evaluate(({ BrowserWindow }) => {
    for (let times = 0; times < 2; times++) BrowserWindow.getAllWindows()[0]?.webContents.emit('unresponsive');
  }, undefined);
  await expect.poll(dialog, { timeout: 20_000 }).toBe(true);
  await look('the dialog of a window that hangs');
  await key('Return');
  await expect.poll(() => textOf(app), { timeout: 20_000 }).toContain('#slow');
  expect(await dialog()).toBe(false);
});

type Hands = {
  key(...keys: string[]): Promise<void>;
  type(text: string): Promise<void>;
  /** Attaches a picture of the screen to the report. */
  look(what: string): Promise<void>;
  /** Whether a dialog of the system is open. */
  dialog(): Promise<boolean>;
};

function handsOn(shell: Shell): Hands {
  if (shell.kind === 'double') throw new Error('The double has no screen');
  const { screen } = shell.ground;
  return {
    async key(...keys) {
      for (const one of keys) await screen.run('xdotool', 'key', '--delay', '150', one);
    },
    async type(text) {
      await screen.run('xdotool', 'type', '--delay', '60', text);
    },
    async look(what) {
      const path = test.info().outputPath(`${what}.png`);
      await screen.picture(path);
      await test.info().attach(what, { path, contentType: 'image/png' });
    },
    dialog: async () => {
      const active = await screen.run('xdotool', 'getactivewindow').catch(() => '');
      const kind = active.trim() === '' ? '' : await screen.run('xprop', '-id', active.trim(), '_NET_WM_WINDOW_TYPE');
      return kind.includes('DIALOG');
    },
  };
}

function isInFront(app: DesktopApp, path: string): Promise<boolean> {
  return app.evaluate(
    ({ BrowserWindow }, end) => BrowserWindow.getFocusedWindow()?.webContents.getURL().endsWith(end) === true,
    path,
  );
}

async function formsIn(app: DesktopApp): Promise<number> {
  const counts = app.windows().map((page) => page.getByRole('form', { name: 'New post' }).count());
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

/** Asked of the main process: Playwright takes a page that crashed once for dead. Empty from one that does not answer. */
function textOf(app: DesktopApp): Promise<string> {
  return app.evaluate(async ({ BrowserWindow }) => {
    const text = BrowserWindow.getAllWindows()[0]?.webContents.executeJavaScript('document.body.innerText');
    const silence = new Promise<string>((resolve) => setTimeout(() => resolve(''), 2_000));
    return Promise.race([(text as Promise<string>).catch(() => ''), silence]);
  }, undefined);
}
