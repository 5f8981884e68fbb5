import { post } from '../e2e/fixtures.ts';
import type { DesktopApp } from './desktop-app.ts';
import { clickMenu, expect, firstWindow, openWindow, test, writePost } from './fixtures.ts';

test('a server is added, switched to, renamed and removed in the window', async ({ launch, serve }) => {
  const server = await serve();
  const page = await firstWindow(await launch());
  await page.getByRole('button', { name: 'On this computer' }).click();
  const dialog = page.getByRole('dialog', { name: 'Servers' });
  const form = dialog.getByRole('form', { name: 'Add a server' });

  await form.getByLabel('Name').fill('The team');
  await form.getByLabel('Address').fill('http://127.0.0.1:1');
  await form.getByRole('button', { name: 'Add server' }).click();
  await expect(form.getByRole('alert')).toContainText('refuses connections');
  await form.getByLabel('Address').fill(server.url);
  await form.getByRole('button', { name: 'Add server' }).click();
  await dialog.getByRole('button', { name: 'Switch to The team' }).click();

  await expect(page).toHaveURL(/\/p\/[0-9a-f-]+\/$/);
  await page.getByRole('button', { name: 'The team' }).click();
  await dialog.getByRole('button', { name: 'Rename The team' }).click();
  await dialog.getByRole('textbox', { name: 'Name', exact: true }).first().fill('Work');
  await dialog.getByRole('button', { name: 'Rename', exact: true }).click();
  await expect(page.getByTitle('Servers')).toHaveText('Work');

  await dialog.getByRole('button', { name: 'Remove Work' }).click();
  await page.getByRole('button', { name: 'Remove server' }).click();
  // It was the only window: the app does not end with it.
  await expect(page).toHaveURL(/\/p\/local\/$/);
});

test('the chosen name of the server is in the title of its windows', async ({ launch, serve }) => {
  const server = await serve();
  const app = await launch();
  const home = await firstWindow(app);
  const added = await home.evaluate((url) => window.tagwire?.profiles.add({ name: 'The team', url }), server.url);
  await openWindow(app, home, { kind: 'feed', name: 'golang' }, added?.profile?.id);
  const titles = () =>
    app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().map((one) => one.getTitle()), undefined);
  await expect.poll(titles).toEqual(expect.arrayContaining([expect.stringMatching(/#golang.* – The team$/)]));
});

test('settings are kept over a restart', async ({ launch, userData }) => {
  const app = await launch({ userData });
  const settings = await openWindow(app, await firstWindow(app), { kind: 'settings' });
  const tray = settings.getByRole('switch', { name: /in the tray/ });
  await expect(tray).not.toBeChecked();
  await tray.check();
  await app.quit();
  const again = await (await launch({ userData })).waitForWindow(/\/settings$/);
  await expect(again.getByRole('switch', { name: /in the tray/ })).toBeChecked();
});

test('the menu finds text on the page, keeps the focus meanwhile, and closes with Escape', async ({ launch }) => {
  const app = await launch();
  const page = await firstWindow(app);
  await writePost(page, 'needle one #hay');
  const feed = await openWindow(app, page, { kind: 'feed', name: 'hay' });
  await writePost(feed, 'needle two #hay');
  await expect(post(feed, 'needle two')).toBeVisible();
  await clickMenu(app, 'find');
  const bar = feed.getByRole('search', { name: 'Find in page' });
  const field = bar.getByRole('textbox');
  await expect(field).toBeFocused();
  await field.pressSequentially('needle', { delay: 50 });
  await expect(field).toBeFocused();
  await expect(field).toHaveValue('needle');
  await expect(bar.getByRole('status')).toHaveText('1 of 2');
  await field.press('Enter');
  await expect(bar.getByRole('status')).toHaveText('2 of 2');
  await field.press('Escape');
  await expect(bar).toBeHidden();
});

test('the menu opens the form for a new post in the window in front', async ({ launch }) => {
  const app = await launch();
  const page = await firstWindow(app);
  await clickMenu(app, 'new-post');
  await expect(page.getByRole('form', { name: 'New post' })).toBeVisible();
});

test('the about page tells versions and licences', async ({ launch }) => {
  const app = await launch();
  const about = await openWindow(app, await firstWindow(app), { kind: 'about' });
  await expect(about.getByText(/Version \d+\.\d+\.\d+/).first()).toBeVisible();
  await about.getByText(/^vue \d/).click();
  await expect(about.locator('pre:visible')).toContainText('Permission is hereby granted');
  await about.getByRole('button', { name: 'Copy diagnostics' }).click();
  await expect.poll(() => app.evaluate(({ clipboard }) => clipboard.readText(), undefined)).toMatch(/^Tagwire /);
});

test('a link of the app can be opened in a new window from its context menu', async ({ launch }) => {
  const app = await launch();
  const page = await firstWindow(app);
  await writePost(page, 'one #context');
  const feed = await openWindow(app, page, { kind: 'feed', name: 'context' });
  const popups = await holdBackPopups(app);
  await post(feed, 'one').getByRole('link', { name: '#context' }).click({ button: 'right' });
  await expect.poll(popups).toEqual(expect.arrayContaining(['Open in New Window']));
});

/** From now on no menu pops up; the function tells the labels of the last one that would have. */
async function holdBackPopups(app: DesktopApp): Promise<() => Promise<string[]>> {
  await app.evaluate(({ Menu }) => {
    const scope = globalThis as { labels?: string[] };
    Menu.prototype.popup = function () {
      scope.labels = this.items.map(({ label }) => label);
    };
  }, undefined);
  return () => app.evaluate(() => (globalThis as { labels?: string[] }).labels ?? [], undefined);
}
