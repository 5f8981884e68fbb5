import { z } from 'zod';

/** Text that somebody typed and did not send. `base` is the version that an edit began from. */
export const Draft = z.object({
  title: z.string(),
  content: z.string(),
  base: z.object({ version: z.number(), title: z.string(), content: z.string() }).optional(),
  /** Epoch ms. */
  savedAt: z.number(),
});
export type Draft = z.infer<typeof Draft>;

/** Drafts of windows that never came back are thrown away after this time, in ms. */
const KEEP_MS = 30 * 24 * 3_600_000;

/** The drafts of one window in localStorage, which outlives a crash; keyed by what is being written. */
export type DraftStorage = {
  read(subject: string): Draft | undefined;
  write(subject: string, draft: Draft): void;
  remove(subject: string): void;
};

export function createDraftStorage(storage: Storage, prefix: string, windowId: string): DraftStorage {
  const keyOf = (subject: string) => `${prefix}draft:${windowId}:${subject}`;
  return {
    read: (subject) => parse(storage.getItem(keyOf(subject))),
    write: (subject, draft) => storage.setItem(keyOf(subject), JSON.stringify(draft)),
    remove: (subject) => storage.removeItem(keyOf(subject)),
  };
}

/**
 * Gives a new window the drafts of windows that are no more (`living` has the ids of those that are), each
 * subject's latest one, and throws away what is too old. A window that still lives keeps its own.
 */
export function adoptDrafts(
  storage: Storage,
  prefix: string,
  windowId: string,
  living: ReadonlySet<string>,
  now: number,
): void {
  const mine = createDraftStorage(storage, prefix, windowId);
  const start = `${prefix}draft:`;
  const keys = Array.from({ length: storage.length }, (_, index) => storage.key(index)).filter((key) => key !== null);
  for (const key of keys) {
    if (!key.startsWith(start)) continue;
    const [owner = '', ...rest] = key.slice(start.length).split(':');
    if (owner === windowId || living.has(owner)) continue;
    const subject = rest.join(':');
    const draft = parse(storage.getItem(key));
    if (draft === undefined || now - draft.savedAt > KEEP_MS) {
      storage.removeItem(key);
      continue;
    }
    const own = mine.read(subject);
    if (own !== undefined && own.savedAt >= draft.savedAt) continue;
    mine.write(subject, draft);
    storage.removeItem(key);
  }
}

function parse(stored: string | null): Draft | undefined {
  if (stored === null) return undefined;
  try {
    const draft = Draft.safeParse(JSON.parse(stored));
    return draft.success ? draft.data : undefined;
  } catch {
    return undefined;
  }
}
