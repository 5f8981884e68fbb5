import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { apiOf, feedInList, post } from '../e2e/fixtures.ts';
import { addServer, expect, firstWindow, openWindow, test, writePost } from './fixtures.ts';

test('an address is looked at before it is kept, and what is wrong with it is said', async ({ launch, serve }) => {
  const page = await firstWindow(await launch());
  const server = await serve();
  const check = (url: string) => page.evaluate((address) => window.tagwire?.profiles.check(address), url);

  expect(await check(server.url)).toMatchObject({ kind: 'ok', url: `${server.url}/` });
  expect(await check('http://127.0.0.1:1')).toMatchObject({ kind: 'refused', reason: 'unreachable' });
  expect(await check(new URL('/p/local/', page.url()).href)).toMatchObject({ kind: 'refused', reason: 'not-tagwire' });
  expect(await check('ftp://example.org')).toMatchObject({ kind: 'refused', reason: 'address' });
  expect(await page.evaluate(() => window.tagwire?.profiles.list())).toHaveLength(1);
});

test('a post in one app is in the other at once, when both are on the same server', async ({ launch, serve }) => {
  const server = await serve();
  const [ada, grace] = [await launch(), await launch()];
  const [adaHome, graceHome] = [await firstWindow(ada), await firstWindow(grace)];
  const adaTeam = await addServer(adaHome, 'The team', server.url);
  const graceTeam = await addServer(graceHome, 'Work', server.url);
  const adaFeed = await openWindow(ada, adaHome, { kind: 'feed', name: 'standup' }, adaTeam);
  const graceFeed = await openWindow(grace, graceHome, { kind: 'feed', name: 'standup' }, graceTeam);

  await writePost(adaFeed, 'good morning #standup');
  await expect(post(graceFeed, 'good morning')).toBeVisible();
  await writePost(graceFeed, 'hello Ada #standup');
  await expect(post(adaFeed, 'hello Ada')).toBeVisible();
  // The windows of the other profile are on another server: nothing of it is there.
  await expect(feedInList(adaHome, 'standup')).toHaveCount(0);
});

test('while the server is gone what was seen stays, and what is written waits and is delivered once', async ({
  launch,
  serve,
  userData,
}) => {
  test.slow();
  const server = await serve();
  const api = apiOf(server.url);
  await api.create('before the storm #weather');
  const app = await launch({ userData });
  const home = await firstWindow(app);
  const team = await addServer(home, 'Team', server.url);
  const feed = await openWindow(app, home, { kind: 'feed', name: 'weather' }, team);
  await expect(post(feed, 'before the storm')).toBeVisible();

  await server.kill();
  await expect(feed.getByText('Not connected').first()).toBeVisible({ timeout: 20_000 });
  await expect(feed.getByRole('button', { name: 'Retry now' })).toBeVisible();
  await expect(post(feed, 'before the storm')).toBeVisible();
  await writePost(feed, 'written in the dark #weather');
  await expect(feed.getByRole('button', { name: /waiting/ })).toBeVisible();

  // It survives the app's end too.
  await app.quit();
  const again = await launch({ userData });
  const [homeAgain, feedAgain] = await Promise.all([
    again.waitForWindow(/\/p\/local\/$/),
    again.waitForWindow(/\/feed\/weather$/),
  ]);
  await expect(feedAgain.getByRole('button', { name: /waiting/ })).toBeVisible();
  await expect(feedAgain.getByText('before the storm')).toBeVisible();
  await server.start();
  await expect(post(feedAgain, 'written in the dark')).toBeVisible({ timeout: 45_000 });
  await expect(feedAgain.getByRole('button', { name: /waiting/ })).toHaveCount(0);
  const { posts } = await api.feed('weather');
  expect(posts.map(({ content }) => content).sort()).toEqual([
    'before the storm #weather',
    'written in the dark #weather',
  ]);
  await expect(homeAgain.getByText('Live', { exact: true })).toBeVisible();
});

test('a post that the server refuses later is given back with the reason, to be edited or discarded', async ({
  launch,
}) => {
  let refuses = false;
  const server = createServer((request, response) => {
    const answer = (status: number, type: string, body: object) =>
      response.writeHead(status, { 'content-type': type }).end(JSON.stringify(body));
    const problem = { type: 'about:blank', title: 'No', detail: 'This team takes no posts today.' };
    if (request.url === '/api/about')
      answer(200, 'application/json', { name: 'tagwire', version: '1.0.0', protocol: 1 });
    else if (refuses && request.method === 'POST') answer(400, 'application/problem+json', { ...problem, status: 400 });
    else answer(503, 'application/problem+json', { ...problem, status: 503 });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const app = await launch();
  const home = await firstWindow(app);
  const team = await addServer(home, 'Team', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const page = await openWindow(app, home, { kind: 'feed', name: 'refused' }, team);

  await writePost(page, 'nobody wants this #refused');
  await page.getByRole('button', { name: /waiting/ }).click();
  refuses = true;
  const outbox = page.getByRole('dialog', { name: 'Outbox' });
  await outbox.getByRole('button', { name: 'Send now' }).click();
  await expect(outbox.getByText('This team takes no posts today.')).toBeVisible();
  await expect(outbox.getByText('nobody wants this')).toBeVisible();
  await outbox.getByRole('button', { name: 'Edit' }).click();
  await expect(page.getByRole('form', { name: 'New post' }).getByLabel('Text')).toHaveValue(/nobody wants this/);
  server.closeAllConnections();
  server.close();
});

test('how each server is doing is told to every window', async ({ launch, serve }) => {
  const server = await serve();
  const home = await firstWindow(await launch());
  const team = await addServer(home, 'Team', server.url);
  const stateOf = () => home.evaluate(async (id) => (await window.tagwire?.connections.list())?.[id]?.state, team);
  await expect.poll(stateOf).toBe('connected');
  await server.kill();
  await home.evaluate((id) => window.tagwire?.connections.retry(id), team);
  await expect.poll(stateOf).toBe('offline');
  await server.start();
  await home.evaluate((id) => window.tagwire?.connections.retry(id), team);
  await expect.poll(stateOf).toBe('connected');
});

test('a server that is removed takes its windows with it, and nothing else', async ({ launch, serve }) => {
  const server = await serve();
  const app = await launch();
  const home = await firstWindow(app);
  const team = await addServer(home, 'Team', server.url);
  await openWindow(app, home, { kind: 'home' }, team);
  await home.evaluate((id) => window.tagwire?.profiles.remove(id), team);
  await app.waitForWindows(1);
  expect(await home.evaluate(() => window.tagwire?.profiles.list())).toHaveLength(1);
  const removeLocal = home.evaluate(() => window.tagwire?.profiles.remove('local'));
  await expect(removeLocal).rejects.toThrow(/cannot be removed/);
});
