import { z } from 'zod';
import type { NewPost } from '../../../contract/post.ts';

/** A post that was written here and is not known to be accepted. Its id is its Idempotency-Key. */
export const OutboxEntry = z.object({
  id: z.string(),
  post: z.object({ title: z.string(), content: z.string(), author: z.string() }),
  /** Epoch ms. */
  writtenAt: z.number(),
  /** A window is sending it until then (epoch ms); others leave it alone. 0: nobody is. */
  claimedUntil: z.number(),
  attempts: z.number(),
  /** Not before then (epoch ms). */
  retryAt: z.number(),
  /** Why it waits for its writer, for people: the server will not take it, or it is being edited. */
  refusal: z.string().nullable(),
});
export type OutboxEntry = z.infer<typeof OutboxEntry>;

/** How long one attempt may take, in ms: longer than a request's time-out. */
export const CLAIM_MS = 30_000;

const FIRST_RETRY_MS = 2_000;
const LAST_RETRY_MS = 60_000;

export function newEntry(id: string, post: NewPost, now: number): OutboxEntry {
  return { id, post, writtenAt: now, claimedUntil: 0, attempts: 0, retryAt: 0, refusal: null };
}

/** The entry to send now, oldest first; `undefined` when there is none. */
export function due(entries: readonly OutboxEntry[], now: number): OutboxEntry | undefined {
  return entries.find((entry) => entry.refusal === null && entry.claimedUntil <= now && entry.retryAt <= now);
}

/** When the next entry is due (epoch ms); `undefined` when nothing waits. */
export function nextDue(entries: readonly OutboxEntry[]): number | undefined {
  const times = entries
    .filter((entry) => entry.refusal === null)
    .map((entry) => Math.max(entry.claimedUntil, entry.retryAt));
  return times.length > 0 ? Math.min(...times) : undefined;
}

export function claimed(entry: OutboxEntry, now: number): OutboxEntry {
  return { ...entry, claimedUntil: now + CLAIM_MS, attempts: entry.attempts + 1 };
}

/** After an attempt that got no answer, or a busy one. `floorMs` is the server's `Retry-After`. */
export function postponed(entry: OutboxEntry, now: number, floorMs = 0): OutboxEntry {
  const wait = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (entry.attempts - 1));
  return { ...entry, claimedUntil: 0, retryAt: now + Math.max(wait, floorMs) };
}

export function refused(entry: OutboxEntry, reason: string): OutboxEntry {
  return { ...entry, claimedUntil: 0, refusal: `The server refused it: ${reason}` };
}

/** Its writer wants to change it: it is not sent before that is done. */
export function putAside(entry: OutboxEntry): OutboxEntry {
  return { ...entry, claimedUntil: 0, refusal: 'It waits for you: you began to edit it.' };
}

/** The connection is back, or somebody is impatient: everything that waits is due at once. */
export function hurried(entry: OutboxEntry): OutboxEntry {
  return { ...entry, retryAt: 0 };
}

export function replaceEntry(entries: readonly OutboxEntry[], entry: OutboxEntry): OutboxEntry[] {
  return entries.map((other) => (other.id === entry.id ? entry : other));
}

/** Entries as another window, or this one before a restart, left them. What is broken is dropped. */
export function parseEntries(stored: string | null): OutboxEntry[] {
  if (stored === null) return [];
  try {
    const values: unknown = JSON.parse(stored);
    if (!Array.isArray(values)) return [];
    return values.flatMap((value) => {
      const entry = OutboxEntry.safeParse(value);
      return entry.success ? [entry.data] : [];
    });
  } catch {
    return [];
  }
}
