import { expect, freshTag, post, test } from './fixtures.ts';

declare global {
  interface Window {
    pwned?: unknown;
  }
}

const MARKUP = [
  '<script>window.pwned = 1</script>',
  '<img src=x onerror="window.pwned = 1">',
  '<svg/onload="window.pwned = 1">',
  '"><iframe srcdoc="<script>parent.pwned = 1</script>">',
  '{{ constructor.constructor("window.pwned = 1")() }}',
  '&lt;b&gt; <b>bold</b> [link](javascript:window.pwned=1)',
];

test('markup in any field is shown as it was typed, on every page, and nothing of it runs', async ({
  page,
  api,
  complaints,
}) => {
  const tag = freshTag('markup');
  const text = MARKUP.join(' ');
  const { id } = await api.create(`${text} #${tag}`, text.slice(0, 200), text.slice(0, 100));
  await api.edit(id, { content: `edited ${text} #${tag}` });
  for (const path of [
    `/feed/${tag}`,
    `/post/${id}`,
    `/deck?feeds=${tag}`,
    '/search?q=constructor',
    `/post/${id}?edit`,
  ]) {
    await page.goto(path);
    await expect(page.locator('main')).toContainText('onerror="window.pwned = 1"');
    await expect(page.locator('main').locator('b, script, iframe, img, [onload], [onerror]')).toHaveCount(0);
  }
  await page.getByRole('button', { name: 'History' }).click();
  await expect(page.getByRole('region', { name: 'History' })).toContainText('<iframe srcdoc=');
  expect(await page.evaluate(() => window.pwned)).toBeUndefined();
  expect(complaints).toEqual([]);
});

test('only web addresses become links; javascript: and data: stay text', async ({ page, api }) => {
  const tag = freshTag('address');
  await api.create(
    `javascript:alert(1) data:text/html,<script>1</script> file:///etc/passwd https://example.org/a#b https://x" onclick="alert(1) #${tag}`,
  );
  await page.goto(`/feed/${tag}`);
  const links = post(page, 'javascript:alert(1)').locator('.post-text a');
  await expect(links).toHaveCount(3);
  for (const href of await links.evaluateAll((all) => all.map((link) => (link as HTMLAnchorElement).href))) {
    expect(href).toMatch(/^https?:\/\//);
  }
  const link = links.filter({ hasText: 'example.org' });
  await expect(link).toHaveAttribute('rel', /noopener/);
  await expect(link).toHaveAttribute('target', '_blank');
});

test('no post, title or name looks like another: directions are written out, hosts told by where they lead', async ({
  page,
  api,
  server,
}) => {
  const tag = freshTag('spoof');
  const turned = 'https://evil.test/\u202e/moc.knab//:sptth';
  await api.create(`${turned} https://аррӏе.com/login （https://example.com/a）。 #${tag}`, 'fine');
  await page.goto(`/feed/${tag}`);
  const card = post(page, 'evil.test');
  await expect(card.locator('.post-text')).toContainText('https://evil.test/[U+202E]/moc.knab//:sptth');
  await expect(card.locator('.web-link')).toHaveText([
    'https://evil.test/',
    'https://xn--80ak6aa92e.com/login',
    'https://example.com/a',
  ]);
  await expect(card.locator('.web-link').first()).toHaveCSS('unicode-bidi', 'isolate');

  for (const field of ['author', 'title']) {
    const body = JSON.stringify({ title: 't', content: `x #${tag}`, author: 'Ada', [field]: '\u202eecilA' });
    const response = await fetch(`${server.url}/api/posts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ field, detail: expect.stringContaining('U+202E') }] });
  }
});

test('a stack of combining marks stays in its own post', async ({ page, api }) => {
  const tag = freshTag('stack');
  const stack = 'Z' + '\u0300\u0316'.repeat(45);
  await api.create(`${'a' + '\u0301\u0323'.repeat(200)} #${tag}`, stack, stack);
  await page.goto(`/feed/${tag}`);
  const card = page.getByRole('article').first();
  await expect(card).toHaveCSS('overflow', 'clip');
  await expect(card.locator('.author-mark')).toHaveCSS('overflow', 'clip');
});

test('line breaks of every kind in a post forge no event', async ({ page, api }) => {
  const tag = freshTag('forged');
  await page.goto(`/feed/${tag}`);
  await api.create(`calm #${tag}`);
  await expect(post(page, 'calm')).toBeVisible();
  const forged = 'event: snapshot\rid: 999999999999999\rdata: {"stream":"feed:x"}';
  await api.create(`a\r\n\r\n${forged}\r\r${forged.replaceAll('\r', '\n')}\n\n\u2028${forged}\u0085 #${tag}`);
  await expect(post(page, 'event: snapshot')).toBeVisible();
  await api.create(`still live #${tag}`);
  await expect(post(page, 'still live')).toBeVisible();
  await expect(page.getByRole('article')).toHaveCount(3);
});

test('the policy forbids inline scripts, foreign origins and frames around the app', async ({ page }) => {
  const response = await page.goto('/');
  const policy = response?.headers()['content-security-policy'] ?? '';
  expect(policy).toContain("script-src 'self'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain('unsafe-');
  const assigned = await page.evaluate(() => {
    const script = document.createElement('script');
    script.append('window.pwned = 1');
    document.body.append(script);
    try {
      script.textContent = 'window.pwned = 2';
      return true;
    } catch {
      return false;
    }
  });
  expect(assigned).toBe(false); // Trusted Types
  expect(await page.evaluate(() => window.pwned)).toBeUndefined();
});

test('each post runs in the direction of its own script, in every browser', async ({ page, browser, server, api }) => {
  const tag = freshTag('scripts');
  const elsewhere = await (await browser.newContext({ baseURL: server.url, locale: 'ar' })).newPage();
  await page.goto(`/feed/${tag}`);
  await elsewhere.goto(`/feed/${tag}`);
  const texts = [
    { text: `مرحبا بالعالم #${tag}`, direction: 'rtl' },
    { text: `发布会今天开始 #${tag}`, direction: 'ltr' },
    { text: `👩‍👩‍👧‍👦🇺🇳 family #${tag}`, direction: 'ltr' },
  ];
  for (const { text } of texts) await api.create(text);
  for (const window of [page, elsewhere]) {
    for (const { text, direction } of texts) {
      const paragraph = post(window, text).locator('.post-text');
      await expect(paragraph).toHaveText(text);
      await expect(paragraph).toHaveCSS('direction', direction);
    }
  }
  await elsewhere.context().close();
});

test('hashtags of every script lead to their feeds', async ({ page, api }) => {
  const tail = freshTag('x');
  const tags = [`发布会${tail}`, `été${tail}`, `हिन्दी${tail}`, `مرحبا${tail}`];
  await api.create(`all: ${tags.map((tag) => `#${tag}`).join(' ')} http://example.org/#no${tail}`);
  for (const tag of tags) {
    await page.goto(`/feed/${encodeURIComponent(tag)}`);
    await expect(post(page, 'all:').locator('.tag-link')).toHaveText(tags.map((name) => `#${name}`));
  }
});
