import { expect, freshTag, test } from './fixtures.ts';

const COUNT = 60;

test('a list is printed as a whole: Ctrl+P loads what is not loaded yet', async ({ page, api }) => {
  const tag = freshTag('paper');
  await api.createMany(COUNT, (number) => `note ${number} #${tag}`);
  await page.addInitScript(() => {
    window.print = () => {
      window.dispatchEvent(new Event('beforeprint'));
      requestAnimationFrame(() => (document.title = `printed ${document.querySelectorAll('article').length}`));
    };
  });
  await page.goto(`/feed/${tag}`);
  await expect(page.getByRole('article').first()).toBeVisible();
  expect(await page.getByRole('article').count()).toBeLessThan(COUNT);
  await page.keyboard.press('Control+p');
  await expect(page).toHaveTitle(`printed ${COUNT}`);
});

test("the browser's own printing has all that is loaded on its pages, in black on white, and says if that is not all", async ({
  page,
  api,
}) => {
  const tag = freshTag('sheet');
  await api.createMany(COUNT, (number) => `note ${number} #${tag}`);
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.goto(`/feed/${tag}`);
  await expect(page.getByRole('article').first()).toBeVisible();
  await page.evaluate(() =>
    // The first to hear that it is over: what was there then was on the pages.
    addEventListener('afterprint', () => {
      const end = document.querySelector('.pane-end')?.textContent ?? '';
      document.body.dataset.printed = `${document.querySelectorAll('article').length}: ${end.trim()}`;
    }),
  );
  const paper = await page.pdf({ format: 'A4' });
  await expect(page.locator('body')).toHaveAttribute('data-printed', '50: The newest 50 of 60 posts.');
  expect(paper.toString('latin1').match(/\/Type \/Page\b/g)?.length).toBeGreaterThan(2);

  await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  await expect(page.getByRole('article')).toHaveCount(COUNT);
  await expect(page.getByRole('button', { name: 'New post' })).toBeHidden();
  await expect(page.locator('body')).toHaveCSS('background-color', 'rgb(255, 255, 255)');
  await expect(page.getByRole('article').last()).toBeVisible();
});
