import type { CDPSession } from '@playwright/test';
import { expect, feedInList, freshTag, post, test, withoutSharedWorker } from './fixtures.ts';

test('a window without a SharedWorker is live by its own EventSource, and heals by itself', async ({
  page,
  server,
  api,
}) => {
  const tag = freshTag('alone');
  await withoutSharedWorker(page);
  const asked = page.waitForRequest(/\/api\/live\?/);
  await page.goto(`/feed/${tag}`);
  expect((await asked).resourceType()).toBe('eventsource');
  await api.create(`one #${tag}`);
  await expect(post(page, 'one')).toBeVisible();
  await expect(feedInList(page, tag)).toContainText('1');
  await server.kill();
  await server.start();
  await api.create(`two #${tag}`);
  await expect(post(page, 'two')).toBeVisible({ timeout: 40_000 });
});

test('two windows, one with and one without a SharedWorker, show the same', async ({ page, context, api }) => {
  const tag = freshTag('mixed');
  const alone = await context.newPage();
  await withoutSharedWorker(alone);
  for (const window of [page, alone]) await window.goto(`/feed/${tag}`);
  const { id } = await api.create(`text #${tag}`);
  for (const window of [page, alone]) await expect(post(window, 'text')).toBeVisible();
  await api.edit(id, { content: `edited #${tag}` });
  for (const window of [page, alone]) await expect(post(window, 'edited')).toBeVisible();
});

test('a window left open under hundreds of changes holds no more than before', async ({ page, api }) => {
  test.setTimeout(120_000);
  const tag = freshTag('memory');
  // The worker's memory counts too: here it is in the window.
  await withoutSharedWorker(page);
  await page.goto(`/feed/${tag}`);
  const { id } = await api.create(`first #${tag}`);
  await api.createMany(60, (n) => `warm ${n} #${tag}`);
  await expect(post(page, `warm 60 #${tag}`)).toBeVisible();
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Performance.enable');
  const before = await held(devtools);

  for (let round = 1; round <= 100; round++) {
    const { id: gone } = await api.create(`passing ${round} #${tag} #${tag}side`);
    await api.edit(gone, { content: `${'passing, edited '.repeat(60)}${round} #${tag}` });
    await api.edit(id, { content: `first, edited ${round} times #${tag}` });
    await api.edit(gone, { content: `passing by #${tag}` });
    await api.remove(gone);
  }
  const last = await api.create(`last #${tag}`);
  await expect(post(page, last.content)).toBeVisible();
  await expect(page.locator('.pane-count')).toHaveText('62 posts');
  const after = await held(devtools);
  expect(after.nodes).toBeLessThan(before.nodes * 1.5);
  expect(after.listeners).toBeLessThan(before.listeners * 1.5);
  expect(after.heapMb - before.heapMb).toBeLessThan(3);
});

/** What the page holds after its garbage was collected. */
async function held(devtools: CDPSession): Promise<{ nodes: number; listeners: number; heapMb: number }> {
  await devtools.send('HeapProfiler.collectGarbage');
  const { metrics } = await devtools.send('Performance.getMetrics');
  const metric = (name: string) => metrics.find((found) => found.name === name)?.value ?? Number.NaN;
  return {
    nodes: metric('Nodes'),
    listeners: metric('JSEventListeners'),
    heapMb: metric('JSHeapUsedSize') / 1_000_000,
  };
}
