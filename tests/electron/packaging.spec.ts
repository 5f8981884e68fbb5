import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { extractAll, listPackage } from '@electron/asar';
import { FuseV1Options, FuseVersion, getCurrentFuseWire } from '@electron/fuses';
import { Arch, Platform, build, type Configuration } from 'electron-builder';
import { post } from '../e2e/fixtures.ts';
import { expect, firstWindow, openWindow, test, writePost } from './fixtures.ts';
import type { Ground } from './ground.ts';
import { makeStandInDist } from './stand-in-dist.ts';

/*
 * The app as electron-builder packs it: the configuration is checked against electron-builder's schema, the files are
 * chosen, the asar is written, the fuses are set; then the packed app runs. On Electron's own binary it is that binary
 * that is packed; the double packs a stand-in for it, and since Node can't read an asar, the app is taken out of it first.
 */
test.describe.configure({ mode: 'serial' });

const root = resolve(import.meta.dirname, '../..');
const { version } = createRequire(import.meta.url)('electron/package.json') as { version: string };
let folder: string;
const unpacked = (path: string) => join(folder, 'out/linux-unpacked', path);

test.beforeAll(async ({ ground }) => {
  // Said by the tests themselves, which are skipped then.
  if (ground instanceof Error) return;
  test.setTimeout(180_000);
  folder = await mkdtemp(join(tmpdir(), 'tagwire-packed-'));
  await chmod(folder, 0o755);
  if (ground === undefined) await makeStandInDist(join(folder, 'electron'), version);
  process.env.TAGWIRE_UPDATE_URL = 'https://updates.example.org/tagwire';
  const { default: configuration } = await import('../../electron-builder.config.ts');
  const config: Configuration = {
    ...configuration,
    electronDist: ground?.distribution ?? join(folder, 'electron'),
    electronVersion: ground?.version ?? version,
    directories: { ...configuration.directories, output: join(folder, 'out') },
    ...(isLegacy(ground) && {
      // Our own Node, which runs the server for an older Electron, can't read an asar.
      asarUnpack: ['out/main/server-in-node.mjs', 'out/renderer/**'],
      // It has no such fuse.
      electronFuses: { ...configuration.electronFuses, grantFileProtocolExtraPrivileges: undefined },
    }),
  };
  await build({
    projectDir: ground?.app ?? root,
    targets: Platform.LINUX.createTarget('dir', Arch.x64),
    publish: 'never',
    config,
  });
});

test.afterAll(async () => {
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

test('the package holds what runs, and nothing else of the checkout', ({ ground }) => {
  const files = listPackage(unpacked('resources/app.asar'), { isPack: false });
  expect(files).toEqual(
    expect.arrayContaining([
      '/package.json',
      '/out/main/index.js',
      '/out/main/server.js',
      '/out/preload/index.cjs',
      '/out/renderer/index.html',
      '/out/renderer/licences.json',
      '/build/tray.png',
    ]),
  );
  const folders = new Set(files.map((file) => file.split('/')[1]));
  // The build for an older Electron has all that it needs in itself.
  const packages = isLegacy(ground) ? [] : ['node_modules'];
  expect([...folders].sort()).toEqual(['build', ...packages, 'out', 'package.json']);
  expect(files.filter((file) => /\.(map|ts|vue|db|log)$/.test(file))).toEqual([]);
  expect(files.filter((file) => /^\/node_modules\/(electron|vite|mysql2|mongodb|@playwright)\//.test(file))).toEqual(
    [],
  );
});

test('the fuses are set', async ({ ground }) => {
  const wire = await getCurrentFuseWire(unpacked('tagwire'));
  const [off, on] = ['0'.charCodeAt(0), '1'.charCodeAt(0)];
  expect(wire).toMatchObject({
    version: FuseVersion.V1,
    [FuseV1Options.RunAsNode]: off,
    [FuseV1Options.EnableCookieEncryption]: on,
    [FuseV1Options.EnableNodeOptionsEnvironmentVariable]: off,
    [FuseV1Options.EnableNodeCliInspectArguments]: off,
    [FuseV1Options.EnableEmbeddedAsarIntegrityValidation]: on,
    [FuseV1Options.OnlyLoadAppFromAsar]: on,
    ...(!isLegacy(ground) && { [FuseV1Options.GrantFileProtocolExtraPrivileges]: off }),
  });
});

test('the package knows where updates come from', async () => {
  expect(await readFile(unpacked('resources/app-update.yml'), 'utf8')).toMatch(
    /provider: generic\nurl: https:\/\/updates\.example\.org\/tagwire/,
  );
});

test('the packed app runs: main process, preload, server and pages', async ({ launch, shell }) => {
  const app = shell.kind === 'electron' ? unpacked('tagwire') : join(folder, 'app');
  if (shell.kind === 'double') extractAll(unpacked('resources/app.asar'), app);
  const running = await launch({ app });
  const home = await firstWindow(running);
  await writePost(home, 'from the package #packed');
  const feed = await openWindow(running, home, { kind: 'feed', name: 'packed' });
  await expect(post(feed, 'from the package')).toBeVisible();
  const about = await openWindow(running, home, { kind: 'about' });
  await expect(about.getByText(/^express \d/)).toBeVisible();
  expect(await running.quit()).toBe(0);
});

test('nobody makes the packed app a Node, looks into it, or loads other code into it', async ({
  launch,
  shellKind,
}) => {
  test.skip(shellKind === 'double', 'it is Electron that heeds the fuses');
  const other = join(folder, 'other.js');
  await writeFile(other, 'console.log("other code")');
  await mkdir(unpacked('resources/app'));
  await writeFile(unpacked('resources/app/package.json'), '{"main": "../../../../other.js"}');
  const running = await launch({
    app: unpacked('tagwire'),
    args: ['--inspect=0', '--require', other],
    env: { ELECTRON_RUN_AS_NODE: '1', NODE_OPTIONS: `--require ${other}` },
  });
  await firstWindow(running);
  expect(running.output()).not.toMatch(/Debugger listening|other code/);
  expect(await running.quit()).toBe(0);
});

function isLegacy(ground: Ground | Error | undefined): boolean {
  return ground !== undefined && !(ground instanceof Error) && ground.isLegacy;
}
