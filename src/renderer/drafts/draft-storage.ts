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
 * Gives a new window the drafts of windows that are no more, each subject's latest one, and throws away what is too old.
 * A window that still lives keeps its own: `findLiving` gives the ids of these, `undefined` where nobody can tell, and is
 * asked only where other windows have left drafts.
 */
export async function adoptDrafts(
  storage: Storage,
  prefix: string,
  windowId: string,
  findLiving: () => Promise<ReadonlySet<string> | undefined>,
  now: number,
): Promise<void> {
  const mine = createDraftStorage(storage, prefix, windowId);
  const start = `${prefix}draft:`;
  const keys = Array.from({ length: storage.length }, (_, index) => storage.key(index)).filter((key) => key !== null);
  const others = keys
    .filter((key) => key.startsWith(start))
    .map((key) => ({ key, parts: key.slice(start.length).split(':') }))
    .filter(({ parts: [owner] }) => owner !== windowId);
  const living = others.length === 0 ? undefined : await findLiving();
  if (living === undefined) return;
  for (const { key, parts } of others) {
    const [owner = '', ...rest] = parts;
    if (living.has(owner)) continue;
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
