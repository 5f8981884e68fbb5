import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
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
