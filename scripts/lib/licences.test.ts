import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { folderOf, licencesOf } from './licences.ts';

const root = join(import.meta.dirname, '../..');

it.each([
  ['/x/node_modules/vue/dist/vue.js?v=1', 'node_modules/vue'],
  ['/x/node_modules/@vue/shared/index.js', 'node_modules/@vue/shared'],
  ['/x/node_modules/a/node_modules/@b/c/x.js', 'node_modules/a/node_modules/@b/c'],
  ['C:\\x\\node_modules\\diff\\lib\\index.js', 'node_modules/diff'],
  ['/x/src/renderer/main.ts', undefined],
])('a module %s is of the package %s', (file, folder) => {
  expect(folderOf(file)).toBe(folder);
});

it('lists each package once, with the text of its licence', async () => {
  const list = await licencesOf(root, ['node_modules/diff', 'node_modules/diff', 'node_modules/not-there']);
  const text = readFileSync(join(root, 'node_modules/diff/LICENSE'), 'utf8').trim();
  expect(list).toEqual([{ name: 'diff', version: expect.any(String), licence: 'BSD-3-Clause', text }]);
});
