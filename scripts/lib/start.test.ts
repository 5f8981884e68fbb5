import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { electronBinary } from './electron-binary.ts';
import { needsBuild } from './renderer-build.ts';

let root: string;
beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'tagwire-start-'))));
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Writes a file of the project, and dates it so many seconds after 2026 began. */
function file(path: string, text: string, second = 0): void {
  const full = join(root, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, text);
  const time = new Date(Date.UTC(2026, 0, 1, 0, 0, second));
  utimesSync(full, time, time);
  for (let folder = dirname(full); folder.startsWith(root); folder = dirname(folder)) utimesSync(folder, 0, 0);
}

describe('the build', () => {
  it('is needed when there is none', () => {
    file('src/renderer/main.ts', '');
    expect(needsBuild(root)).toBe(true);
  });

  it('is not needed when it is newer than all its sources', () => {
    file('src/renderer/deep/down.vue', '', 1);
    file('out/renderer/index.html', '', 2);
    expect(needsBuild(root)).toBe(false);
  });

  it.each(['src/renderer/deep/down.vue', 'contract/post.ts', 'package-lock.json'])(
    'is needed when %s is newer',
    (path) => {
      file('out/renderer/index.html', '', 1);
      file(path, '', 2);
      expect(needsBuild(root)).toBe(true);
    },
  );
});

describe("Electron's binary", () => {
  const said: string[] = [];
  const find = (mayDownload: boolean) => electronBinary({ root, mayDownload, say: (line) => void said.push(line) });
  const installer = (script: string) => {
    file('node_modules/electron/package.json', '{"type":"commonjs"}');
    file('node_modules/electron/install.js', `require('fs').appendFileSync(__dirname + '/tries', '1');${script}`);
  };
  const tries = () => readFileSync(join(root, 'node_modules/electron/tries'), 'utf8').length;

  it('is found where it is installed, without a download', async () => {
    installer('');
    file('node_modules/electron/path.txt', 'electron');
    file('node_modules/electron/dist/electron', '');

    expect(await find(true)).toBe(join(root, 'node_modules/electron/dist/electron'));
    expect(existsSync(join(root, 'node_modules/electron/tries'))).toBe(false);
  });

  it('is downloaded where it may be', async () => {
    installer(
      "require('fs').mkdirSync(__dirname + '/dist'); for (const f of ['/dist/e', '/path.txt']) require('fs').writeFileSync(__dirname + f, 'e')",
    );
    expect(await find(false)).toBeUndefined();
    expect(await find(true)).toBe(join(root, 'node_modules/electron/dist/e'));
  });

  it('is not tried again at once when the download failed', async () => {
    installer('process.exit(1)');
    expect(await find(true)).toBeUndefined();
    expect(await find(true)).toBeUndefined();
    expect(tries()).toBe(1);
    expect(said).toEqual([]);
  });
});
