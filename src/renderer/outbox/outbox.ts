import { z } from 'zod';
import type { NewPost } from '../../../contract/post.ts';
import { backoff } from '../live/backoff.ts';

/** A post that was written here and is not known to be accepted. Its id is its Idempotency-Key. */
export const OutboxEntry = z.object({
  id: z.string(),
  post: z.object({ title: z.string(), content: z.string(), author: z.string() }),
  /** Epoch ms. */
  writtenAt: z.number(),
  attempts: z.number(),
  /**
   * It is left alone for `waitMs` from `waitsSince` (epoch ms, for windows have no other clock in common). A clock that
   * stands before that was set back: then nobody knows how long it has been, and it is not left alone.
   */
  waitsSince: z.number().default(0),
  waitMs: z.number().default(0),
  /** A window is sending it meanwhile. */
  isSending: z.boolean().default(false),
  /** Why it waits for its writer, for people: the server will not take it, or it is being edited. */
  refusal: z.string().nullable(),
  /** The server failed at this very post (500): newer ones need not wait for it. */
  mayBePassed: z.boolean(),
});
export type OutboxEntry = z.infer<typeof OutboxEntry>;

/** How long one attempt may take, in ms: longer than a request's time-out. */
export const CLAIM_MS = 30_000;

const AT_ONCE = { waitsSince: 0, waitMs: 0, isSending: false };

export function newEntry(id: string, post: NewPost, now: number): OutboxEntry {
  return { id, post, writtenAt: now, attempts: 0, ...AT_ONCE, refusal: null, mayBePassed: false };
}

/** The entry to send now; `undefined` when there is none, or when an older one has to wait: they keep their order. */
export function due(entries: readonly OutboxEntry[], now: number): OutboxEntry | undefined {
  return nextInLine(entries).find((entry) => waitsFor(entry, now) === 0);
}

/** In how many ms the next entry is due; `undefined` when nothing waits. */
export function nextDue(entries: readonly OutboxEntry[], now: number): number | undefined {
  const waits = nextInLine(entries).map((entry) => waitsFor(entry, now));
  return waits.length > 0 ? Math.min(...waits) : undefined;
}

/** For how many ms more an entry is left alone. */
function waitsFor({ waitsSince, waitMs }: OutboxEntry, now: number): number {
  return now < waitsSince ? 0 : Math.max(0, waitsSince + waitMs - now);
}

/** The oldest entry that nobody may pass, and those before it. */
function nextInLine(entries: readonly OutboxEntry[]): readonly OutboxEntry[] {
  const sendable = entries.filter(({ refusal }) => refusal === null);
  const first = sendable.findIndex(({ mayBePassed }) => !mayBePassed);
  return first === -1 ? sendable : sendable.slice(0, first + 1);
}

export function claimed(entry: OutboxEntry, now: number): OutboxEntry {
  return { ...entry, waitsSince: now, waitMs: CLAIM_MS, isSending: true, attempts: entry.attempts + 1 };
}

/** After an attempt that got no answer, or a busy one. `floorMs` is the server's `Retry-After`. */
export function postponed(
  entry: OutboxEntry,
  now: number,
  { floorMs = 0, mayBePassed = false }: { readonly floorMs?: number; readonly mayBePassed?: boolean } = {},
): OutboxEntry {
  const waitMs = backoff(entry.attempts, Math.random(), floorMs);
  return { ...entry, waitsSince: now, waitMs, isSending: false, mayBePassed };
}

export function refused(entry: OutboxEntry, reason: string): OutboxEntry {
  return { ...entry, ...AT_ONCE, refusal: `The server refused it: ${reason}` };
}

/** Its writer wants to change it: it is not sent before that is done. */
export function putAside(entry: OutboxEntry): OutboxEntry {
  return { ...entry, ...AT_ONCE, refusal: 'It waits for you: you began to edit it.' };
}

/** The connection is back, or somebody is impatient: everything that waits is due at once. */
export function hurried(entry: OutboxEntry): OutboxEntry {
  return entry.isSending || entry.waitMs === 0 ? entry : { ...entry, ...AT_ONCE };
}

export function replaceEntry(entries: readonly OutboxEntry[], entry: OutboxEntry): OutboxEntry[] {
  return entries.map((other) => (other.id === entry.id ? entry : other));
}

/**
 * The entries that the windows of a profile keep in common, oldest first, each under a key of its own: windows are
 * processes of their own, and one that wrote the whole list would undo what another one just wrote. What is broken
 * is passed over.
 */
export function readEntries(storage: Storage, prefix: string): OutboxEntry[] {
  const keys = Array.from({ length: storage.length }, (_, index) => storage.key(index) ?? '');
  return keys
    .filter((key) => key.startsWith(prefix))
    .flatMap((key) => parseEntry(storage.getItem(key)))
    .sort((a, b) => a.writtenAt - b.writtenAt);
}

/** Writes what differs between the two lists, and leaves the rest alone. */
export function writeEntries(
  storage: Storage,
  prefix: string,
  before: readonly OutboxEntry[],
  after: readonly OutboxEntry[],
): void {
  const kept = new Set(after.map(({ id }) => id));
  for (const { id } of before) if (!kept.has(id)) storage.removeItem(prefix + id);
  for (const entry of after) if (!before.includes(entry)) storage.setItem(prefix + entry.id, JSON.stringify(entry));
}

function parseEntry(stored: string | null): OutboxEntry[] {
  try {
    const entry = OutboxEntry.safeParse(JSON.parse(stored ?? 'null'));
    return entry.success ? [entry.data] : [];
  } catch {
    return [];
  }
}
