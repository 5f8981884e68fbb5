import { expect, test } from './fixtures.ts';

const NAMES = ['Work', 'The engineering department of a company with a very long name'];

for (const name of NAMES) {
  test(`the header of the desktop app holds everything on one line at any width, for “${name}” too`, async ({
    page,
  }) => {
    // As much of the bridge as the page asks for when it starts.
    await page.addInitScript((profile) => {
      const answer = (value: unknown) => () => Promise.resolve(value);
      const bridge = {
        platform: 'linux',
        profileId: 'team',
        on: () => () => undefined,
        profiles: { list: answer([{ kind: 'remote', id: 'team', name: profile, url: 'https://team.test' }]) },
        connections: { list: answer({}) },
        feeds: { followed: answer({}) },
        unread: { get: answer({}) },
        settings: { get: answer({}) },
        updates: { get: answer({ kind: 'idle' }) },
        server: { get: answer({ kind: 'running' }) },
      };
      Object.assign(window, { tagwire: bridge });
    }, name);
    await page.goto('/');
    await expect(page.getByRole('button', { name })).toBeVisible();
    for (let width = 360; width <= 1920; width += width < 1040 ? 20 : 110) {
      await page.setViewportSize({ width, height: 600 });
      expect(await page.evaluate(problemsOfHeader), `at ${width} px`).toEqual([]);
    }
  });
}

function problemsOfHeader(): string[] {
  const header = document.querySelector('.app-header');
  if (header === null) return ['there is none'];
  const edge = header.getBoundingClientRect();
  let last = edge.left;
  return [...header.querySelectorAll('a, button')].flatMap((item) => {
    const { left, right, top, bottom, width } = item.getBoundingClientRect();
    const name = item.getAttribute('aria-label') ?? item.textContent;
    const problems = [];
    if (width > 0 && left < last) problems.push(`${name} lies over what is before it`);
    if (right > edge.right || top < edge.top || bottom > edge.bottom) problems.push(`${name} sticks out`);
    if (width > 0) last = right;
    return problems;
  });
}
