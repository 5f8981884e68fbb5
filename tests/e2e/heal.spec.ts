import { expect, freshTag, post, test, withoutSharedWorker } from './fixtures.ts';

test('a server killed in the middle of writes loses nothing, and windows heal by themselves', async ({
  page,
  context,
  server,
  api,
}) => {
  test.setTimeout(120_000);
  const tag = freshTag('heal');
  const second = await context.newPage();
  await page.goto(`/feed/${tag}`);
  await second.goto('/');
  const accepted: string[] = [];
  let writing = true;
  const writer = (async () => {
    for (let i = 0; writing; i++) {
      const content = `note ${i} #${tag}`;
      const answer = await fetch(`${server.url}/api/posts`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ title: '', content, author: 'Ada' }),
      }).catch(() => undefined);
      if (answer?.ok === true) accepted.push(content);
      else await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  for (let round = 0; round < 3; round++) {
    const before = accepted.length;
    await expect.poll(() => accepted.length).toBeGreaterThan(before + 10);
    await server.kill();
    await server.start();
  }
  writing = false;
  await writer;

  await expect
    .poll(async () => (await api.feed(tag)).total, { timeout: 20_000 })
    .toBeGreaterThanOrEqual(accepted.length);
  const stored = new Map<string, number>();
  for (let cursor = ''; ;) {
    const answer = await fetch(`${server.url}/api/feeds/${tag}?limit=200${cursor}`);
    const { posts, next } = (await answer.json()) as { posts: { content: string }[]; next: string | null };
    for (const { content } of posts) stored.set(content, (stored.get(content) ?? 0) + 1);
    if (next === null) break;
    cursor = `&cursor=${encodeURIComponent(next)}`;
  }
  expect(accepted.filter((content) => stored.get(content) !== 1)).toEqual([]);

  const last = await api.create(`the last #${tag}`);
  await expect(post(page, last.content).first()).toBeVisible({ timeout: 40_000 });
  await expect(
    second.getByRole('navigation', { name: 'Feeds' }).getByRole('link', { name: new RegExp(tag) }),
  ).toContainText(String((await api.feed(tag)).total), { timeout: 40_000 });
});

test('while the server is away the window says so and when it tries again, and heals by itself', async ({
  page,
  server,
  api,
}) => {
  const tag = freshTag('away');
  await page.goto(`/feed/${tag}`);
  await expect(page.getByText('Live', { exact: true })).toBeVisible();
  await server.kill();
  const banner = page.getByRole('status').filter({ hasText: 'Not connected' });
  await expect(banner).toContainText(/Reconnecting in \d+ s/);
  await expect(banner).toContainText('what you write is kept');
  await server.start();
  await expect(banner).toBeHidden({ timeout: 40_000 });
  await api.create(`back #${tag}`);
  await expect(post(page, 'back')).toBeVisible();
});

test('"Retry now" asks the server at once, however long the pause is', async ({ page }) => {
  test.setTimeout(120_000);
  await withoutSharedWorker(page);
  await page.route('**/api/live?*', (route) => route.abort());
  await page.goto('/');
  const banner = page.getByRole('status').filter({ hasText: /Reconnecting in ([4-9]|\d\d) s/ });
  await expect(banner).toBeVisible({ timeout: 30_000 });
  const asked = page.waitForRequest(/\/api\/live\?/, { timeout: 3_000 });
  await page.getByRole('button', { name: 'Retry now' }).click();
  await asked;
  await page.unrouteAll();
  await expect(page.getByText('Live', { exact: true })).toBeVisible({ timeout: 40_000 });
});

test('the server ends cleanly on SIGTERM, and goes on where it was', async ({ server, api }) => {
  const tag = freshTag('term');
  await api.create(`before #${tag}`);
  expect(await server.terminate()).toBe(0);
  await server.start();
  await expect.poll(async () => (await api.feed(tag)).total).toBe(1);
});
