import { expect, test, vi } from 'vitest';
import type { Profile } from '../../../contract/shell.ts';
import { forgetProfiles } from './forget-profiles.ts';

const local: Profile = { kind: 'local', id: 'local', name: 'On this computer' };

function keeper() {
  const values = new Map([
    ['tagwire:/p/local/:drafts', '1'],
    ['tagwire:/p/gone/:outbox', '2'],
    ['tagwire:/p/gone/:drafts', '3'],
    ['something else', '4'],
  ]);
  const localStorage = {
    get length() {
      return values.size;
    },
    key: (index: number) => [...values.keys()][index] ?? null,
    removeItem: (key: string) => void values.delete(key),
  };
  const names = ['tagwire streams /p/local/api/', 'tagwire streams /p/gone/api/', 'another /p/gone/api/'];
  const deleteDatabase = vi.fn();
  const indexedDB = { databases: () => Promise.resolve(names.map((name) => ({ name, version: 1 }))), deleteDatabase };
  return { values, deleteDatabase, kept: { localStorage, indexedDB } };
}

test('what a removed server left behind is forgotten, and nothing else', async () => {
  const { values, deleteDatabase, kept } = keeper();
  await forgetProfiles([local], kept);
  expect([...values.keys()]).toEqual(['tagwire:/p/local/:drafts', 'something else']);
  expect(deleteDatabase.mock.calls).toEqual([['tagwire streams /p/gone/api/']]);
});

test('nothing is forgotten before the list of servers is known', async () => {
  const { values, deleteDatabase, kept } = keeper();
  await forgetProfiles([], kept);
  expect(values.size).toBe(4);
  expect(deleteDatabase).not.toHaveBeenCalled();
});
