import { expect, test as base, type Page } from '@playwright/test';
import { pathOf, type ShellBridge, type WindowTarget } from '../../contract/shell.ts';
import { startServer, type TestServer } from '../e2e/server.ts';
import {
  launchDesktop,
  makeUserData,
  removeUserData,
  type DesktopApp,
  type LaunchOptions,
  type Shell,
  type ShellOptions,
} from './desktop-app.ts';
import { prepareGround, type Ground } from './ground.ts';

declare global {
  interface Window {
    readonly tagwire?: ShellBridge;
  }
}

export type LaunchArguments = Partial<LaunchOptions>;

type WorkerFixtures = ShellOptions & {
  /** Electron's own binary with all that it needs, or why it can't be had; `undefined` on the double. */
  ground: Ground | Error | undefined;
};

type Fixtures = {
  /** What the spec runs on. Where it is Electron's own binary and that can't be had, the test is skipped. */
  shell: Shell;
  /** Starts the app, in a fresh user data folder unless one is given; ended after the test. */
  launch: (options?: LaunchArguments) => Promise<DesktopApp>;
  /** A folder that is there for the whole test. */
  userData: string;
  /** Starts a team's server in a process of its own; ended after the test. */
  serve: () => Promise<TestServer>;
};

export const test = base.extend<Fixtures, WorkerFixtures>({
  shellKind: ['double', { option: true, scope: 'worker' }],
  ground: [
    async ({ shellKind }, use) => {
      const ground = shellKind === 'electron' ? await prepareGround().catch(asError) : undefined;
      await use(ground);
      if (ground !== undefined && !(ground instanceof Error)) await ground.stop();
    },
    // It may have to be downloaded and built.
    { scope: 'worker', timeout: 600_000 },
  ],
  shell: async ({ ground }, use, { skip }) => {
    if (ground instanceof Error && process.env.CI) throw ground;
    skip(ground instanceof Error, `there is no real Electron: ${String(ground)}`);
    await use(ground === undefined ? { kind: 'double' } : { kind: 'electron', ground: ground as Ground });
  },
  // Playwright reads a fixture's dependencies from this pattern.
  userData: async ({}, use) => {
    const directory = await makeUserData();
    await use(directory);
    await removeUserData(directory);
  },
  launch: async ({ shell }, use) => {
    const started: DesktopApp[] = [];
    const folders: string[] = [];
    await use(async ({ userData, ...rest } = {}) => {
      const folder = userData ?? (await makeUserData());
      if (userData === undefined) folders.push(folder);
      const app = await launchDesktop(shell, { userData: folder, ...rest });
      started.push(app);
      return app;
    });
    for (const app of started) await app.kill();
    for (const folder of folders) await removeUserData(folder);
  },
  serve: async ({}, use) => {
    const started: TestServer[] = [];
    await use(async () => {
      const server = await startServer();
      started.push(server);
      return server;
    });
    for (const server of started) await server.stop();
  },
});

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}

/** The app's first window, when it can be used. */
export async function firstWindow(app: DesktopApp): Promise<Page> {
  const [page] = await app.waitForWindows(1);
  if (page === undefined) throw new Error('There is no window.');
  await expect(page.getByRole('button', { name: 'New post' }).first()).toBeVisible();
  return page;
}

/** Writes a post in the window, as a user does. */
export async function writePost(page: Page, content: string, title = ''): Promise<void> {
  await page.getByRole('button', { name: 'New post' }).first().click();
  const form = page.getByRole('form', { name: 'New post' });
  await form.getByLabel('Title').fill(title);
  await form.getByLabel('Text').fill(content);
  await form.getByLabel('Your name').fill('Grace');
  await form.getByRole('button', { name: 'Post', exact: true }).click();
  await expect(form).toBeHidden();
}

/** Opens a target in a window of its own, as the page's own links do. */
export async function openWindow(app: DesktopApp, from: Page, target: WindowTarget, profileId?: string): Promise<Page> {
  await from.evaluate(([what, profile]) => window.tagwire?.windows.open(what, profile), [target, profileId] as const);
  const address = `/p/${profileId ?? '[^/]+'}/${pathOf(target).replace('?', '\\?')}$`;
  return app.waitForWindow(new RegExp(address));
}

/** Adds a server through the bridge and opens a window on it; the id of its profile. */
export async function addServer(page: Page, name: string, url: string): Promise<string> {
  const { profile, check } = await page.evaluate(
    async (server) => (await window.tagwire?.profiles.add(server)) ?? { profile: undefined, check: 'no bridge' },
    { name, url },
  );
  expect(profile, JSON.stringify(check)).toBeDefined();
  return profile?.id ?? '';
}

/** From now on dialogs are answered with a button's number, or not at all; the function tells what they said. */
export async function answerDialogs(app: DesktopApp, response: number | 'never'): Promise<() => Promise<string[]>> {
  await app.evaluate(({ dialog }, button) => {
    const scope = globalThis as { asked?: string[] };
    scope.asked = [];
    dialog.showMessageBox = (async (...args: unknown[]) => {
      const { message, detail = '' } = args.at(-1) as { message: string; detail?: string };
      scope.asked?.push(`${message} ${detail}`);
      if (button === 'never') return new Promise(() => undefined);
      return { response: button, checkboxChecked: false };
    }) as typeof dialog.showMessageBox;
  }, response);
  return () => app.evaluate(() => (globalThis as { asked?: string[] }).asked ?? [], undefined);
}

/** The titles of all notifications that this or an earlier app has shown on the desktop, in their order. */
export async function notifications(app: DesktopApp, shell: Shell): Promise<string[]> {
  if (shell.kind === 'electron') return shell.ground.screen.notifications();
  return app.evaluate(({ Notification }) => (Notification as unknown as { shown: string[] }).shown, undefined);
}

/** Clicks an item of the application menu. */
export function clickMenu(app: DesktopApp, id: string): Promise<void> {
  return app.evaluate(({ Menu }, wanted) => {
    const item = Menu.getApplicationMenu()?.getMenuItemById(wanted);
    if (item === null || item === undefined) throw new Error(`There is no menu item ${wanted}`);
    item.click();
  }, id);
}

export { expect };
