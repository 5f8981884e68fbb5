import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { extractAll, listPackage } from '@electron/asar';
import { FuseV1Options, FuseVersion, getCurrentFuseWire } from '@electron/fuses';
import { Arch, Platform, build, type Configuration } from 'electron-builder';
import { post } from '../e2e/fixtures.ts';
import { expect, firstWindow, openWindow, test, writePost } from './fixtures.ts';
import { makeStandInDist } from './stand-in-dist.ts';

/*
 * The app as electron-builder packs it, with a stand-in for Electron's own files where the binary is not there: the
 * configuration is checked against electron-builder's schema, the files are chosen, the asar is written, the fuses
 * are set; then the packed app runs. Node can't read an asar, so it is taken out of it first.
 */
test.describe.configure({ mode: 'serial' });
test.skip(({ shellKind }) => shellKind === 'electron', 'needs no Electron: it is the double that runs what was packed');

const root = resolve(import.meta.dirname, '../..');
const { version } = createRequire(import.meta.url)('electron/package.json') as { version: string };
let folder: string;
const unpacked = (path: string) => join(folder, 'out/linux-unpacked', path);

test.beforeAll(async () => {
  test.setTimeout(180_000);
  folder = await mkdtemp(join(tmpdir(), 'tagwire-packed-'));
  await makeStandInDist(join(folder, 'electron'), version);
  const config: Configuration = {
    extends: join(root, 'electron-builder.config.ts'),
    electronDist: join(folder, 'electron'),
    electronVersion: version,
    directories: { output: join(folder, 'out') },
  };
  process.env.TAGWIRE_UPDATE_URL = 'https://updates.example.org/tagwire';
  await build({
    projectDir: root,
    targets: Platform.LINUX.createTarget('dir', Arch.x64),
    publish: 'never',
    config,
  });
});

test.afterAll(() => rm(folder, { recursive: true, force: true }));

test('the package holds what runs, and nothing else of the checkout', () => {
  const files = listPackage(unpacked('resources/app.asar'), { isPack: false });
  expect(files).toEqual(
    expect.arrayContaining([
      '/package.json',
      '/out/main/index.js',
      '/out/main/server.js',
      '/out/preload/index.cjs',
      '/out/renderer/index.html',
      '/out/licences.json',
      '/build/tray.png',
    ]),
  );
  const folders = new Set(files.map((file) => file.split('/')[1]));
  expect([...folders].sort()).toEqual(['build', 'node_modules', 'out', 'package.json']);
  expect(files.filter((file) => /\.(map|ts|vue|db|log)$/.test(file))).toEqual([]);
  expect(files.filter((file) => /^\/node_modules\/(electron|vite|mysql2|mongodb|@playwright)\//.test(file))).toEqual(
    [],
  );
});

test('the fuses are set', async () => {
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
    [FuseV1Options.GrantFileProtocolExtraPrivileges]: off,
  });
});

test('the package knows where updates come from', async () => {
  expect(await readFile(unpacked('resources/app-update.yml'), 'utf8')).toMatch(
    /provider: generic\nurl: https:\/\/updates\.example\.org\/tagwire/,
  );
});

test('the packed app runs: main process, preload, server and pages', async ({ launch }) => {
  const app = join(folder, 'app');
  extractAll(unpacked('resources/app.asar'), app);
  const running = await launch({ app });
  const home = await firstWindow(running);
  await writePost(home, 'from the package #packed');
  const feed = await openWindow(running, home, { kind: 'feed', name: 'packed' });
  await expect(post(feed, 'from the package')).toBeVisible();
  const about = await home.evaluate(() => window.tagwire?.about.get());
  expect(about?.licences.map(({ name }) => name)).toEqual(expect.arrayContaining(['vue', 'express', 'zod']));
  expect(await running.quit()).toBe(0);
});
