import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { ensureElectron } from '../services/electron.ts';
import { asOtherUser, readableByOtherUser } from '../services/other-user.ts';
import { startScreen, type Screen } from '../services/screen.ts';
import { buildLegacyApp } from './legacy/build.ts';

/** What Electron's own binary needs to run a spec: itself, an app for its age, a screen, a user who is not root. */
export type Ground = {
  /** Starts the binary as that user, with whatever arguments. */
  readonly program: string;
  readonly version: string;
  readonly isLegacy: boolean;
  /** The unpacked distribution. */
  readonly distribution: string;
  /** The folder of the app. */
  readonly app: string;
  readonly env: Readonly<Record<string, string>>;
  readonly screen: Screen;
  stop(): Promise<void>;
};

const root = resolve(import.meta.dirname, '../..');

/** Rejects, with the reason, where there is no Electron or no screen to be had. */
export async function prepareGround(screenSize?: string): Promise<Ground> {
  const { folder, binary, version, isLegacy } = await ensureElectron();
  const own = await mkdtemp(join(tmpdir(), 'tagwire-electron-'));
  await chmod(own, 0o755);
  const app = await readableByOtherUser(isLegacy ? await buildLegacyApp() : root, own);
  const distribution = await readableByOtherUser(folder, own);
  const node = await readableByOtherUser(process.execPath, own);
  const screen = await startScreen(screenSize);
  return {
    program: await launcher(own, join(distribution, binary.slice(folder.length))),
    version,
    isLegacy,
    distribution,
    app,
    env: { ...screen.env, TAGWIRE_LEGACY_NODE: node },
    screen,
    stop: async () => {
      await screen.stop();
      await rm(own, { recursive: true, force: true });
    },
  };
}

/** A program that runs another as the other user: Playwright starts what it is given as itself. */
export async function launcher(folder: string, binary: string): Promise<string> {
  const file = join(folder, `start-${dirname(binary).split('/').at(-1)}`);
  const command = asOtherUser([binary]).map((word) => `'${word}'`);
  await writeFile(file, `#!/bin/sh\nexec ${command.join(' ')} "$@"\n`, { mode: 0o755 });
  return file;
}
