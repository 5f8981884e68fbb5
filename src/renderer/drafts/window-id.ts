import { v4 as uuid } from 'uuid';
import { ALONE, channelPresence, lockPresence, type Presence } from './presence.ts';

/** An id of this window that survives a reload, and is not shared with a window that was duplicated from it. */
export async function claimWindowId(prefix: string, session: Storage, presence: Presence): Promise<string> {
  const key = `${prefix}window`;
  const known = session.getItem(key);
  if (known !== null && (await presence.claim(known))) return known;
  const id = uuid();
  presence.take(id);
  session.setItem(key, id);
  return id;
}

/** How windows of this profile find each other: by locks, else by asking. */
export async function findPresence(prefix: string, locks: LockManager | undefined): Promise<Presence> {
  try {
    await locks?.query();
    return locks === undefined
      ? channelPresence(new BroadcastChannel(`${prefix}windows`))
      : lockPresence(locks, prefix);
  } catch {
    return ALONE;
  }
}
