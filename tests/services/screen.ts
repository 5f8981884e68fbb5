import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../wait.ts';
import { installPackages } from './debian.ts';
import { onPath, run } from './install.ts';
import { asOtherUser, giveToOtherUser, type Command } from './other-user.ts';

/** The program of each part, and Debian's package of it. */
const PARTS = {
  Xvfb: 'xvfb',
  openbox: 'openbox',
  'dbus-daemon': 'dbus-daemon',
  'dbus-monitor': 'dbus-bin',
  dunst: 'dunst',
  xdotool: 'xdotool',
  xprop: 'x11-utils',
  xsetroot: 'x11-xserver-utils',
  scrot: 'scrot',
};
const STARTED_WITHIN_MS = 20_000;

/** A desktop of its own: a screen that nobody sees, a window manager, a session bus with a notification daemon. */
export type Screen = {
  /** A folder of the user that the desktop is of. */
  readonly home: string;
  /** For programs that are to appear on it. */
  readonly env: Readonly<Record<string, string>>;
  /** Runs a program on it, as the desktop's user (`xdotool`, say), and gives what it printed. */
  run(...command: Command): Promise<string>;
  /** The titles of all notifications that were sent to the desktop, in their order. */
  notifications(): string[];
  /** A picture of all that is shown, into a PNG file. */
  picture(file: string): Promise<void>;
  stop(): Promise<void>;
};

/** Starts a desktop, as a user other than root; installs what is missing where root may (Debian), or rejects. */
export async function startScreen(size = '1920x1080'): Promise<Screen> {
  const missing = Object.entries(PARTS).filter(([program]) => !onPath(program));
  if (missing.length > 0) await installPackages(...missing.map(([, name]) => name));

  const home = await mkdtemp(join(tmpdir(), 'tagwire-screen-'));
  const env: Record<string, string> = {
    PATH: process.env.PATH ?? '',
    LANG: 'C.UTF-8',
    HOME: home,
    XDG_RUNTIME_DIR: home,
    // The accessibility bus would be started by GTK, and is not wanted by anybody.
    NO_AT_BRIDGE: '1',
  };
  const children: ChildProcess[] = [];
  let titles: readonly string[] = [];
  const start = (program: string, args: readonly string[], stdout: 'ignore' | 'pipe'): ChildProcess => {
    const [first, ...rest] = asOtherUser([program, ...args]);
    const child = spawn(first, rest, { env, stdio: ['ignore', stdout, 'ignore'] });
    children.push(child);
    return child;
  };
  const stop = async () => {
    for (const child of children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill();
      await once(child, 'exit');
    }
    await rm(home, { recursive: true, force: true });
  };
  const runOn = (...command: Command) => {
    const [program, ...args] = asOtherUser(command);
    return run(program, args, { env, cwd: home });
  };

  try {
    await mkdir(join(home, '.config'));
    for (const folder of [home, join(home, '.config')]) await giveToOtherUser(folder);
    const server = start(
      'Xvfb',
      ['-displayfd', '1', '-screen', '0', `${size}x24`, '-nolisten', 'tcp', '-noreset'],
      'pipe',
    );
    env.DISPLAY = `:${await firstLine(server)}`;
    const bus = start('dbus-daemon', ['--session', '--nofork', '--nosyslog', '--print-address=1'], 'pipe');
    // It starts dunst at the first notification.
    env.DBUS_SESSION_BUS_ADDRESS = await firstLine(bus);
    const notify = "interface='org.freedesktop.Notifications',member='Notify'";
    titles = titlesIn(start('dbus-monitor', ['--session', notify], 'pipe'));
    start('openbox', [], 'ignore');
    const isManaged = () =>
      runOn('xprop', '-root', '_NET_SUPPORTING_WM_CHECK').then((text) => text.includes('window id'));
    await until(isManaged, STARTED_WITHIN_MS);
    await runOn('xsetroot', '-solid', '#3b4a5a');
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    home,
    env,
    run: runOn,
    notifications: () => [...titles],
    picture: async (file) => {
      // The desktop's user may write at home only.
      const taken = join(home, 'picture.png');
      await runOn('scrot', '--overwrite', taken);
      await copyFile(taken, file);
    },
    stop,
  };
}

/** What a program says first, when it is ready. */
async function firstLine({ stdout }: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: stdout as Readable })) return line;
  throw new Error('It ended without a word');
}

/** Fills itself with the titles of the notifications that dbus-monitor tells of: the third text of each call. */
function titlesIn({ stdout }: ChildProcess): readonly string[] {
  const titles: string[] = [];
  let texts = 0;
  createInterface({ input: stdout as Readable }).on('line', (line) => {
    if (line.includes('member=Notify')) texts = 0;
    const text = /^ {3}string "(.*)"$/.exec(line)?.[1];
    if (text !== undefined && ++texts === 3) titles.push(text);
  });
  return titles;
}
