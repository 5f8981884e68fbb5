import { fork, spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { _electron, chromium, type Browser, type ElectronApplication, type Page } from '@playwright/test';
import { giveToOtherUser } from '../services/other-user.ts';
import { holdsWithin } from '../wait.ts';
import { launcher, type Ground } from './ground.ts';

/*
 * The app under test, once for both: the built main process on the double, or on Electron's own binary. Specs see
 * the same pages and the same `electron` in the main process.
 */

const root = resolve(import.meta.dirname, '../..');
const REGISTER = new URL('double/register.ts', import.meta.url).href;

/** A window is there, or a process gone, within this time, in ms. */
const PATIENCE_MS = 20_000;

export type Electron = typeof Electron.CrossProcessExports;

export type DesktopApp = {
  readonly userData: string;
  /** The windows that show a place of the app. */
  windows(): Page[];
  /** Waits for as many windows, and returns them. */
  waitForWindows(count: number): Promise<Page[]>;
  /** Waits for a window at an address, and returns it. */
  waitForWindow(address: RegExp): Promise<Page>;
  /** Runs a function in the main process, which sees nothing of its surroundings here. */
  evaluate<Result, Argument>(
    run: (electron: Electron, argument: Argument) => Result | Promise<Result>,
    argument: Argument,
  ): Promise<Result>;
  /** Quits as the user would; resolves with the exit code when the process is gone. */
  quit(): Promise<number | null>;
  kill(): Promise<void>;
  /** What the app wrote to the terminal. */
  output(): string;
};

export type LaunchOptions = {
  /** Kept over a restart. */
  readonly userData: string;
  readonly args?: readonly string[];
  /** The folder of the app; default: this checkout, built. On Electron's own binary also the program of a packed app. */
  readonly app?: string;
  /** On top of this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
};

/** Playwright's option: what stands for Electron in a project, the double (double/) or its own binary. */
export type ShellOptions = { readonly shellKind: 'double' | 'electron' };

/** What a project's specs run on: the double, or Electron's own binary and all that it needs. */
export type Shell = { readonly kind: 'double' } | { readonly kind: 'electron'; readonly ground: Ground };

export async function makeUserData(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tagwire-desktop-'));
  await giveToOtherUser(folder);
  return folder;
}

export async function removeUserData(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true, maxRetries: 5 });
}

export async function launchDesktop(shell: Shell, options: LaunchOptions): Promise<DesktopApp> {
  if (shell.kind === 'double') return launchDouble(options);
  const isPacked = options.app !== undefined && (await stat(options.app)).isFile();
  return isPacked ? launchPacked(shell.ground, options) : launchReal(shell.ground, options);
}

async function launchReal(ground: Ground, options: LaunchOptions): Promise<DesktopApp> {
  const { userData, args = [], app = ground.app, env = {} } = options;
  const electron: ElectronApplication = await _electron.launch({
    executablePath: ground.program,
    chromiumSandbox: true,
    cwd: ground.screen.home,
    env: environment({ ...ground.env, ...env }),
    args: [app, `--user-data-dir=${userData}`, ...args],
  });
  const child = electron.process();
  const output = collect(child);
  const pages = () => electron.windows();
  return {
    userData,
    ...windowsOf(pages),
    evaluate: (run, argument) => electron.evaluate(run as never, argument) as never,
    async quit() {
      const gone = exitOf(child);
      await electron.evaluate(({ app: running }) => running.quit()).catch(() => undefined);
      return gone;
    },
    async kill() {
      const gone = exitOf(child);
      child.kill('SIGKILL');
      await gone;
    },
    output,
  };
}

/** The fuses of a packed app let nobody into its main process: only its pages are to be had, and it quits by its keys. */
async function launchPacked(ground: Ground, options: LaunchOptions): Promise<DesktopApp> {
  const { userData, args = [], app = '', env = {} } = options;
  const { screen } = ground;
  const child = spawn(
    await launcher(screen.home, app),
    [`--user-data-dir=${userData}`, '--remote-debugging-port=0', ...args],
    { stdio: ['ignore', 'pipe', 'pipe'], cwd: screen.home, env: environment({ ...ground.env, ...env }) },
  );
  const output = collect(child);
  const gone = exitOf(child);
  const endpoint = () => /^DevTools listening on (\S+)$/m.exec(output())?.[1];
  if (!(await holdsWithin(PATIENCE_MS, () => endpoint() !== undefined))) {
    child.kill('SIGKILL');
    throw new Error(`The packed app did not start:\n${output()}`);
  }
  const browser = await chromium.connectOverCDP(endpoint() ?? '', { noDefaults: true });
  return {
    userData,
    ...windowsOf(() => browser.contexts().flatMap((context) => context.pages())),
    evaluate: () => Promise.reject(new Error('The fuses keep us out of the main process')),
    async quit() {
      await screen.run('xdotool', 'key', 'ctrl+q');
      return gone;
    },
    async kill() {
      child.kill('SIGKILL');
      await gone;
      await browser.close().catch(() => undefined);
    },
    output,
  };
}

async function launchDouble({ userData, args = [], app = root, env = {} }: LaunchOptions): Promise<DesktopApp> {
  const child = startDouble(app, userData, args, env);
  const output = collect(child);
  const endpoint = await new Promise<string>((done, fail) => {
    child.on('message', (message: { type: string; endpoint: string }) => {
      if (message.type === 'browser') done(message.endpoint);
    });
    child.once('exit', (code) => fail(new Error(`The app ended with code ${code} before it was ready:\n${output()}`)));
  });
  const browser: Browser = await chromium.connectOverCDP(endpoint);
  const pages = () => browser.contexts().flatMap((context) => context.pages());
  const evaluate = evaluator(child, output);
  const gone = exitOf(child);
  return {
    userData,
    ...windowsOf(pages),
    evaluate,
    async quit() {
      await evaluate(({ app: running }) => running.quit(), undefined).catch(() => undefined);
      const code = await gone;
      await browser.close().catch(() => undefined);
      return code;
    },
    async kill() {
      child.kill('SIGKILL');
      await gone;
      await browser.close().catch(() => undefined);
    },
    output,
  };
}

/** A second start of the app, which hands its arguments over to the first and ends. */
export function startSecond(shell: Shell, userData: string, args: readonly string[]): Promise<number | null> {
  if (shell.kind === 'double') return exitOf(startDouble(root, userData, args));
  const { program, app, env, screen } = shell.ground;
  // Not by Playwright, which would take its end for a failure.
  const command = [app, `--user-data-dir=${userData}`, ...args];
  return exitOf(spawn(program, command, { stdio: 'ignore', cwd: screen.home, env: environment(env) }));
}

function startDouble(app: string, userData: string, args: readonly string[], env = {}): ChildProcess {
  return fork(join(app, 'out/main/index.js'), [`--user-data-dir=${userData}`, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    execArgv: ['--import', REGISTER],
    env: environment(env),
  });
}

/** Without what would move the app's data away from its user data folder. */
function environment(env: Readonly<Record<string, string>>): Record<string, string> {
  const inherited = { ...process.env } as Record<string, string>;
  delete inherited.DATA_DIR;
  return { ...inherited, ...env };
}

function windowsOf(pages: () => Page[]) {
  const windows = () =>
    pages().filter((page) => !page.isClosed() && /^http:\/\/127\.0\.0\.1:\d+\/p\//.test(page.url()));
  const until = async <Found>(find: () => Found | undefined, what: string): Promise<Found> => {
    for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await wait(50)) {
      const found = find();
      if (found !== undefined) return found;
    }
    throw new Error(`No ${what}; there are ${pages().map((page) => page.url())}`);
  };
  return {
    windows,
    waitForWindows: (count: number) =>
      until(() => (windows().length === count ? windows() : undefined), `${count} windows`),
    waitForWindow: (address: RegExp) =>
      until(() => windows().find((page) => address.test(page.url())), `window at ${address}`),
  };
}

function evaluator(child: ChildProcess, output: () => string): DesktopApp['evaluate'] {
  let last = 0;
  return (run, argument) => {
    const id = ++last;
    return new Promise((done, fail) => {
      const answer = (message: { type: string; id: number; value: never; error?: string }) => {
        if (message.type !== 'evaluated' || message.id !== id) return;
        settle();
        if (message.error === undefined) done(message.value);
        else fail(new Error(message.error));
      };
      const ended = () => {
        settle();
        fail(new Error(`The app has ended (code ${child.exitCode}):\n${output()}`));
      };
      const settle = () => child.off('message', answer).off('exit', ended);
      child.on('message', answer).once('exit', ended);
      if (!child.connected) return ended();
      child.send({ type: 'evaluate', id, code: String(run), argument });
    });
  };
}

function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((done) => child.once('exit', (code) => done(code)));
}

function collect(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (text += String(chunk)));
  return () => text;
}
