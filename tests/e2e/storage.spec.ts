import type { BrowserContext, Page } from '@playwright/test';
import { expect, fillPost, freshTag, post, test, writePost } from './fixtures.ts';

const trouble = (page: Page) => page.getByText('Nothing can be kept here');

/** As with "Block all cookies": whatever keeps something throws when it is only looked at. */
async function denyStorage(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    const deny = () => {
      throw new DOMException('Access is denied for this document.', 'SecurityError');
    };
    for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(window, name, { get: deny });
    IDBFactory.prototype.open = deny;
    LockManager.prototype.request = () => Promise.reject(new DOMException('denied', 'SecurityError'));
    LockManager.prototype.query = () => Promise.reject(new DOMException('denied', 'SecurityError'));
  });
}

/** Takes all of the browser's room for this origin, to the last character. */
async function fillStorage(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    let piece = 'x'.repeat(1 << 20);
    for (let n = localStorage.length; piece !== ''; n++) {
      try {
        localStorage.setItem(`other ${n}`, piece);
      } catch {
        piece = piece.slice(piece.length / 2 + 0.5);
      }
    }
  });
}

for (const [how, prepare] of [
  ['denied', denyStorage],
  ['full', fillStorage],
] as const) {
  test(`where storage is ${how} the app works from memory, and says so once`, async ({ page, context, api }) => {
    await prepare(context);
    const tag = freshTag(how);
    await page.goto(`/feed/${tag}`);
    await writePost(page, `from memory #${tag}`);
    await expect(post(page, 'from memory')).toBeVisible();
    await expect(trouble(page)).toHaveCount(1);
    await page.getByRole('button', { name: 'Dismiss' }).first().click();
    const form = await fillPost(page, 'half a thought');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'New post' }).click();
    await expect(form.getByLabel('Text')).toHaveValue('half a thought');
    await page.keyboard.press('Escape');
    await page.getByRole('link', { name: 'Settings' }).first().click();
    await page.getByText('Dark', { exact: true }).click();
    await expect(page.locator('html')).toHaveAttribute('data-bs-theme', 'dark');
    await expect(trouble(page)).toHaveCount(0);
    await api.create(`still live #${tag}`);
    await page.goto(`/feed/${tag}`);
    await expect(post(page, 'still live')).toBeVisible();
  });

  test(`where storage is ${how} a post that can't be sent yet waits in memory, and is sent once`, async ({
    page,
    context,
    api,
  }) => {
    await prepare(context);
    const tag = freshTag('waits');
    await page.goto(`/feed/${tag}`);
    await page.route('**/api/posts', (route) => route.abort());
    await writePost(page, `not lost #${tag}`);
    await expect(page.getByRole('button', { name: /waiting/ })).toBeVisible();
    const other = await context.newPage();
    await other.goto(`/feed/${tag}`);
    await page.unrouteAll();
    await expect(post(other, 'not lost')).toBeVisible({ timeout: 40_000 });
    await expect(page.getByRole('button', { name: /waiting/ })).toBeHidden({ timeout: 40_000 });
    expect((await api.feed(tag)).total).toBe(1);
  });
}

test('whatever is stored, the app starts', async ({ page }) => {
  await page.goto('/');
  for (const broken of ['{', 'null', '[]', '7', '{"theme":7,"author":[]}', '']) {
    await page.evaluate((value) => {
      localStorage.setItem('tagwire:settings', value);
      for (const key of ['draft:gone:new post', 'outbox:x', 'window']) localStorage.setItem(`tagwire:/:${key}`, value);
      sessionStorage.setItem('tagwire:/:window', value);
    }, broken);
    await page.reload();
    await page.getByRole('button', { name: 'New post' }).click();
    await expect(page.getByRole('form', { name: 'New post' }).getByLabel('Your name')).toHaveValue('');
  }
});

test.describe('without Web Locks, as on plain http and a host name', () => {
  test.beforeEach(({ context }) =>
    context.addInitScript(() => Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })),
  );

  test('a duplicated tab has a draft of its own', async ({ page, context }) => {
    await page.goto('/');
    await fillPost(page, 'from the first');
    await page.waitForFunction(() => Object.values(localStorage).some((value) => value.includes('from the first')));
    const opened = context.waitForEvent('page');
    await page.evaluate(() => void window.open(location.href)); // which copies sessionStorage, as duplicating does
    const copy = await opened;
    await fillPost(copy, 'from the second');
    await copy.waitForFunction(() => Object.values(localStorage).some((value) => value.includes('from the second')));
    for (const [window, text] of [
      [page, 'from the first'],
      [copy, 'from the second'],
    ] as const) {
      await window.reload();
      await window.getByRole('button', { name: 'New post' }).click();
      await expect(window.getByRole('form', { name: 'New post' }).getByLabel('Text')).toHaveValue(text);
    }
  });

  test('the draft of a window that was closed comes to the next one', async ({ page, context }) => {
    await page.goto('/');
    await fillPost(page, 'left behind');
    await page.waitForFunction(() => Object.values(localStorage).some((value) => value.includes('left behind')));
    await page.close();
    const next = await context.newPage();
    await next.goto('/');
    await next.getByRole('button', { name: 'New post' }).click();
    await expect(next.getByRole('form', { name: 'New post' }).getByLabel('Text')).toHaveValue('left behind');
  });
});
