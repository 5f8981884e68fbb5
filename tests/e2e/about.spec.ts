import { expect, test } from './fixtures.ts';

test('the about page lists what is in the pages and in the server, with the texts of their licences', async ({
  page,
}) => {
  await page.goto('/settings');
  await page.getByRole('link', { name: /^About/ }).click();
  for (const name of ['diff', 'node-diff3', 'idb-keyval', 'bootstrap', '@fontsource-variable/inter', 'express']) {
    await expect(page.getByText(new RegExp(`^${name} \\d`))).toBeVisible();
  }
  await page.getByText(/^idb-keyval \d/).click();
  await expect(page.locator('pre:visible')).toContainText('Apache License');
});
