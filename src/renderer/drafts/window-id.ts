import { v4 as uuid } from 'uuid';

/**
 * An id of this window that survives a reload, and is not shared with a window that was duplicated from it. A
 * lock that lasts as long as the page tells the living from the dead: {@link livingWindows}.
 */
export async function claimWindowId(prefix: string, storage: Storage, locks: LockManager | undefined): Promise<string> {
  const key = `${prefix}window`;
  const known = storage.getItem(key);
  if (known !== null && (await hold(known, prefix, locks))) return known;
  const id = uuid();
  await hold(id, prefix, locks);
  storage.setItem(key, id);
  return id;
}

/** Ids of the windows that are open; `undefined` where the browser cannot tell (plain HTTP on another host). */
export async function livingWindows(prefix: string, locks: LockManager | undefined): Promise<Set<string> | undefined> {
  if (locks === undefined) return undefined;
  const { held = [] } = await locks.query();
  const start = lockName('', prefix);
  return new Set(held.flatMap(({ name }) => (name?.startsWith(start) ? [name.slice(start.length)] : [])));
}

/** Takes the lock for as long as the page lives; false when another window has it. */
function hold(id: string, prefix: string, locks: LockManager | undefined): Promise<boolean> {
  if (locks === undefined) return Promise.resolve(true);
  return new Promise((resolve, reject) => {
    locks
      .request(lockName(id, prefix), { ifAvailable: true }, (lock) => {
        resolve(lock !== null);
        return lock === null ? undefined : new Promise<never>(() => undefined);
      })
      .catch(reject);
  });
}

const lockName = (id: string, prefix: string) => `${prefix}window:${id}`;
