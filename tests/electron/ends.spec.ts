import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { feedInList } from '../e2e/fixtures.ts';
import { until } from '../wait.ts';
import { makeUserData, removeUserData } from './desktop-app.ts';
import { answerDialogs, clickMenu, expect, firstWindow, openWindow, test, writePost } from './fixtures.ts';

/*
 * Ends at every moment: to touch what is going ends Electron itself.
 */
/** Ends of each kind. */
const ENDS = 25;
const AT_ONCE = 3;
const LISTENS = 'the gateway listens';

test('it quits at every moment of its start without a crash', async ({ launch, shell }) => {
  test.setTimeout(600_000);
  test.skip(shell.kind === 'double', 'how the double starts says nothing of how Electron does');
  if (shell.kind === 'double') return;
  const { program, app, env, screen } = shell.ground;
  const folders = await Promise.all(Array.from({ length: AT_ONCE }, makeUserData));
  for (const userData of folders) {
    // Three windows to bring back: when it quits some show, some load, some are not there yet.
    const first = await launch({ userData });
    const home = await firstWindow(first);
    await openWindow(first, home, { kind: 'feed', name: 'golang' });
    await openWindow(first, home, { kind: 'deck', feeds: ['golang', 'csp'] });
    expect(await first.quit()).toBe(0);
  }
  /** How it ended, and how long it took until its server was there, when quit `ms` after its begin, or after that. */
  const endOf = async (userData: string, after: 'begin' | 'server', ms: number) => {
    const begin = performance.now();
    const child = spawn(program, [app, `--user-data-dir=${userData}`], { stdio: 'pipe', cwd: screen.home, env });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
    const exit = once(child, 'exit');
    if (after === 'server') await until(() => output.includes(LISTENS) || child.exitCode !== null, 60_000);
    const startMs = performance.now() - begin;
    await wait(ms);
    child.kill('SIGTERM');
    const limit = setTimeout(() => child.kill('SIGKILL'), 30_000);
    const [code, signal] = (await exit) as [number | null, NodeJS.Signals | null];
    clearTimeout(limit);
    return { end: signal ?? code, startMs, output };
  };
  const { startMs } = await endOf(folders[0] ?? '', 'server', 0);
  const moments = Array.from({ length: ENDS }, (_, number) => (number / ENDS) * startMs);
  const quits = moments.flatMap((ms) => [{ after: 'begin', ms } as const, { after: 'server', ms } as const]);
  const badEnds: unknown[] = [];
  const quitInTurn = async (userData: string) => {
    for (let quit = quits.shift(); quit !== undefined; quit = quits.shift()) {
      const { end, output } = await endOf(userData, quit.after, quit.ms);
      // Before Electron listens for the signal it ends the process by itself.
      const isGood = end === 0 || (quit.after === 'begin' && end === 'SIGTERM');
      if (!isGood) badEnds.push({ ...quit, end, output });
    }
  };
  await Promise.all(folders.map(quitInTurn));
  expect(badEnds).toEqual([]);
  for (const userData of folders) await removeUserData(userData);
});

test('a window is closed at every moment of its start without a crash, and the others stay', async ({ launch }) => {
  test.setTimeout(180_000);
  const app = await launch();
  await firstWindow(app);
  for (let moment = 0; moment < ENDS; moment++) {
    await app.evaluate(({ BrowserWindow }) => {
      const scope = globalThis as { known?: number[] };
      scope.known = BrowserWindow.getAllWindows().map(({ id }) => id);
    }, undefined);
    await clickMenu(app, 'new-window');
    await app.evaluate(async ({ BrowserWindow }, ms) => {
      const { known = [] } = globalThis as { known?: number[] };
      const added = BrowserWindow.getAllWindows().find(({ id }) => !known.includes(id));
      await new Promise((resolve) => setTimeout(resolve, ms));
      added?.close();
    }, moment * 10);
  }
  await app.waitForWindows(1);
  await firstWindow(app);
  expect(await app.quit()).toBe(0);
});

for (const victim of [0, 1, 2]) {
  test(`when the process of window ${victim + 1} of three is killed, the others stay live`, async ({
    launch,
    shellKind,
  }) => {
    test.skip(shellKind === 'double', 'its windows may share a process');
    test.slow();
    const app = await launch();
    await answerDialogs(app, 'never');
    const home = await firstWindow(app);
    const feed = await openWindow(app, home, { kind: 'feed', name: 'golang' });
    const deck = await openWindow(app, home, { kind: 'deck', feeds: ['golang', 'csp'] });
    const pages = [home, feed, deck];
    for (const page of pages) await expect(page.getByText('Live', { exact: true })).toBeVisible();
    const [writer, ...readers] = pages.filter((_, number) => number !== victim);
    if (writer === undefined) throw new Error('There is no window left.');
    const address = pages[victim]?.url() ?? '';
    // The first one's process is the one that the shared worker runs in.
    const pid = await app.evaluate(
      ({ BrowserWindow }, url) =>
        BrowserWindow.getAllWindows()
          .find(({ webContents }) => webContents.getURL() === url)
          ?.webContents.getOSProcessId(),
      address,
    );
    process.kill(pid ?? 0, 'SIGKILL');
    await writePost(writer, 'after the kill #golang');
    for (const page of readers) {
      const shown = page === home ? feedInList(page, 'golang') : page.getByText('after the kill').first();
      await expect(shown).toBeVisible({ timeout: 60_000 });
    }
    await expect(feedInList(writer, 'golang')).toContainText('1', { timeout: 60_000 });
  });
}
