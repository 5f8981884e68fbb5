import type { Profile } from '../../../contract/shell.ts';
import { memoryName } from '../streams/stream-memory.ts';

export type Kept = {
  readonly localStorage: Pick<Storage, 'length' | 'key' | 'removeItem'>;
  readonly indexedDB: Pick<IDBFactory, 'databases' | 'deleteDatabase'>;
};

/**
 * Removes what windows of profiles that are gone have kept: last seen posts, drafts, unsent posts. All profiles have
 * one origin, so any window can do it; doing it again is harmless.
 */
export async function forgetProfiles(profiles: readonly Profile[], { localStorage, indexedDB }: Kept): Promise<void> {
  // An empty list is one that was not read yet: the local profile is always there.
  if (profiles.length === 0) return;
  const ids = new Set(profiles.map(({ id }) => id));
  const isGone = (id: string | undefined) => id !== undefined && !ids.has(id);
  const keys = Array.from({ length: localStorage.length }, (_, index) => localStorage.key(index) ?? '');
  for (const key of keys) if (isGone(/^tagwire:\/p\/([^/]+)\//u.exec(key)?.[1])) localStorage.removeItem(key);
  for (const { name = '' } of await indexedDB.databases()) {
    const id = /\/p\/([^/]+)\//u.exec(name)?.[1];
    if (id !== undefined && isGone(id) && name === memoryName(`/p/${id}/api/`)) indexedDB.deleteDatabase(name);
  }
}
