import type { Page } from '@playwright/test';
import { expect, freshTag, post, test } from './fixtures.ts';

/** What of a key goes from the test into the page. */
type Key = Pick<KeyboardEventInit, 'key' | 'code' | 'ctrlKey' | 'metaKey' | 'isComposing' | 'keyCode'>;

/** Begins to compose, as an input method does: what is composed is in the field, and not yet text. */
async function compose(page: Page, text: string): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send('Input.imeSetComposition', { text, selectionStart: text.length, selectionEnd: text.length });
}

/** A key that the input method takes: `before` it has ended, or just after, as Safari tells it. */
async function composingKey(page: Page, key: string, when: 'before' | 'after', more: Key = {}) {
  await page.evaluate(
    ([name, init]) => {
      const event = new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true, ...init });
      document.activeElement?.dispatchEvent(event);
    },
    [key, { ...more, ...(when === 'before' ? { isComposing: true } : { keyCode: 229 }) }] as const,
  );
}

for (const when of ['before', 'after'] as const) {
  test(`Enter that ends a composition opens, sends and submits nothing (key ${when} its end)`, async ({
    page,
    api,
  }) => {
    const tag = freshTag('ime');
    await api.create(`one #${tag}`);
    await page.goto('/');
    await page.getByLabel('Filter feeds').fill(tag.slice(0, 4));
    await composingKey(page, 'Enter', when);
    await expect(page).toHaveURL(/\/$/);

    await page.getByRole('button', { name: 'New post' }).click();
    const form = page.getByRole('form', { name: 'New post' });
    await form.getByLabel('Your name').fill('Grace');
    await form.getByLabel('Text').fill(`half a word #${tag}`);
    await composingKey(page, 'Enter', when, { ctrlKey: true });
    await composingKey(page, 'Enter', when, { metaKey: true });
    await form.getByLabel('Title').focus();
    await composingKey(page, 'Enter', when);
    await expect(form).toBeVisible();
    expect((await api.feed(tag)).total).toBe(1);

    await form.getByLabel('Text').press('Control+Enter');
    await expect(form).toBeHidden();
    await expect.poll(async () => (await api.feed(tag)).total).toBe(2);
  });
}

test('keys while an input method composes stay with it, in every field that does something on Enter', async ({
  page,
  api,
}) => {
  const tag = freshTag('compose');
  await api.create(`one #${tag}`);
  await page.goto('/search');
  await page
    .getByRole('searchbox', { name: /Search/ })
    .last()
    .focus();
  await compose(page, 'にほ');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/search$/);
});

test.describe('shortcuts', () => {
  const press = (page: Page, init: Key) =>
    page.evaluate(
      (one) =>
        void document.body.dispatchEvent(new KeyboardEvent('keydown', { bubbles: true, cancelable: true, ...one })),
      init,
    );

  for (const [layout, key] of [
    ['Russian', 'т'],
    ['Greek', 'ν'],
    ['Hebrew', 'מ'],
    ['US with Caps Lock', 'N'],
  ] as const) {
    test(`work on a keyboard: ${layout}`, async ({ page }) => {
      await page.goto('/');
      await expect(page.getByRole('button', { name: 'New post' })).toBeVisible();
      await press(page, { key, code: 'KeyN' });
      await expect(page.getByRole('form', { name: 'New post' })).toBeVisible();
    });
  }
});

test('the filter finds a feed by its hashtag as it is typed anywhere', async ({ page, api }) => {
  const tail = freshTag('x');
  await api.create(`#می\u200cخواهم${tail} #wide${tail}`);
  await page.goto('/');
  const rows = page.getByRole('navigation', { name: 'Feeds' }).locator('.feed-row');
  for (const typed of [`می\u200cخواهم${tail}`, `#میخواهم${tail}`, `＃WIDE${tail}`, ` #wide${tail} `]) {
    await page.getByLabel('Filter feeds').fill(typed);
    await expect(rows).toHaveCount(1);
  }
  await page.goto(`/feed/wide${tail}`);
  await expect(post(page, tail)).toBeVisible();
});
