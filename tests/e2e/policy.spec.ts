import type { Page } from '@playwright/test';
import { expect, freshTag, post, test, writePost } from './fixtures.ts';

/** Violations of the page's policy, from its first moment on; `eval` that a library tries and catches is one too. */
async function violationsOf(page: Page): Promise<string[]> {
  const violations: string[] = [];
  await page.exposeFunction('tellViolation', (text: string) => violations.push(text));
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI, sample }) => {
      const { tellViolation } = window as unknown as { tellViolation: (text: string) => void };
      tellViolation(`${effectiveDirective}: ${blockedURI} ${sample}`);
    });
  });
  return violations;
}

test('no page violates its own policy, nor do the things that are done there', async ({ page, api, complaints }) => {
  const violations = await violationsOf(page);
  const tag = freshTag('policy');
  const { id } = await api.create(`first #${tag}`);
  await api.edit(id, { content: `second #${tag}` });
  for (const path of ['/', `/feed/${tag}`, '/search?q=second', '/deck', '/settings', '/about', '/nothing']) {
    await page.goto(path);
    await expect(page.getByRole('main')).toBeVisible();
  }
  await page.goto(`/post/${id}`);
  await page.getByRole('button', { name: 'History' }).click();
  await expect(page.getByText('Version 2')).toBeVisible();
  await page.goto(`/feed/${tag}`);
  await writePost(page, `third #${tag}`);
  await expect(post(page, 'third')).toBeVisible();
  // Through the worker, which the policy lets start.
  await api.create(`fourth #${tag}`);
  await expect(post(page, 'fourth')).toBeVisible();
  expect(violations).toEqual([]);
  expect(complaints).toEqual([]);
});

test('no script can turn text into markup or code', async ({ page }) => {
  await page.goto('/');
  const attempts = await page.evaluate(() => {
    const attempt = (run: () => unknown) => {
      try {
        run();
        return 'done';
      } catch (error) {
        return (error as Error).name;
      }
    };
    return [
      attempt(() => (document.createElement('div').innerHTML = '<img src=x>')),
      attempt(() => (document.createElement('script').src = '/evil.js')),
      attempt(() => new SharedWorker('/assets/evil.js')),
      attempt(() => new DOMParser().parseFromString('<p>', 'text/html')),
    ];
  });
  expect(attempts).toEqual(['TypeError', 'TypeError', 'TypeError', 'TypeError']);
});

test('a feed whose name looks like a file is a page', async ({ page }) => {
  const answer = await page.goto('/feed/node.js');
  expect(answer?.headers()['content-type']).toContain('text/html');
  await expect(page.getByRole('main')).toBeVisible();
});
