import { setTimeout as wait } from 'node:timers/promises';
import type { Page } from '@playwright/test';
import type { WindowTarget } from '../../contract/shell.ts';
import { launchDesktop, makeUserData, removeUserData } from '../../tests/electron/desktop-app.ts';
import { prepareGround } from '../../tests/electron/ground.ts';

const SCREEN = { width: 1920, height: 1080 };

/** Three windows on a team's server, as a person would lay them out. */
const WINDOWS: readonly { target: WindowTarget; bounds: Electron.Rectangle }[] = [
  { target: { kind: 'deck', feeds: ['infra', 'golang'] }, bounds: { x: 40, y: 50, width: 1180, height: 700 } },
  { target: { kind: 'feed', name: 'oncall' }, bounds: { x: 1270, y: 160, width: 620, height: 520 } },
  { target: { kind: 'feed', name: 'release' }, bounds: { x: 640, y: 360, width: 960, height: 680 } },
];

/** A picture of the desktop app on Electron's own binary: menu bar, three windows, a notification. */
export async function takeDesktop(serverUrl: string, file: string): Promise<void> {
  const ground = await prepareGround(`${SCREEN.width}x${SCREEN.height}`);
  const userData = await makeUserData();
  const app = await launchDesktop({ kind: 'electron', ground }, { userData });
  try {
    const [home] = await app.waitForWindows(1);
    if (home === undefined) throw new Error('There is no window.');
    const team = await home.evaluate(
      async (url) => (await window.tagwire?.profiles.add({ name: 'Team', url }))?.profile?.id ?? '',
      serverUrl,
    );
    const pages: Page[] = [];
    for (const { target } of WINDOWS) {
      await home.evaluate(([what, id]) => window.tagwire?.windows.open(what, id), [target, team] as const);
      pages.push(await app.waitForWindow(new RegExp(`/${target.kind}.*${target.kind === 'feed' ? target.name : ''}$`)));
    }
    await home.close();
    await app.waitForWindows(WINDOWS.length);
    for (const [index, page] of pages.entries()) {
      await page.getByText('Live', { exact: true }).waitFor({ state: 'attached' });
      const place = { url: page.url(), bounds: WINDOWS[index]?.bounds };
      await app.evaluate(({ BrowserWindow }, { url, bounds }) => {
        const window = BrowserWindow.getAllWindows().find(({ webContents }) => webContents.getURL() === url);
        if (bounds !== undefined) window?.setBounds(bounds);
        window?.focus();
      }, place);
    }
    await notify(serverUrl, pages[0], () => ground.screen.notifications());
    await wait(1_000); // until what was moved is painted
    await ground.screen.picture(file);
  } finally {
    await app.kill();
    await removeUserData(userData);
    await ground.stop();
  }
}

/** Follows a feed, and lets a colleague write in it until the desktop tells of it. */
async function notify(serverUrl: string, page: Page | undefined, shown: () => string[]): Promise<void> {
  await page?.evaluate(() => window.tagwire?.feeds.follow('team', true));
  const body = JSON.stringify({
    author: 'Chloé Martin',
    title: 'Cake is here',
    content: 'In the kitchen, while it lasts. #team',
  });
  for (let tries = 0; shown().length === 0; tries++) {
    if (tries > 50) throw new Error('No notification came.');
    // What comes before the feed is followed notifies nobody.
    if (tries % 10 === 5) {
      await fetch(`${serverUrl}/api/posts`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    }
    await wait(200);
  }
}
