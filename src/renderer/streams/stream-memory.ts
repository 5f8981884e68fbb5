import { createStore, delMany, entries, get, setMany } from 'idb-keyval';
import type { StreamMemory } from '../live/hub.ts';
import type { StreamState } from '../live/stream-state.ts';

type Kept = NonNullable<StreamState> & { /** When it was last current, epoch ms. */ readonly at: number };

/** So many streams are remembered; those that were current longest ago are forgotten. */
const MAX_STREAMS = 200;
/** Changes are written together, after this time in ms. */
const WRITE_MS = 300;
/** A database that does not answer within this time, in ms, is done without. */
const RECALL_MS = 1000;

/** The name of the database for the API at `base`: profiles of one origin are kept apart. */
export const memoryName = (base: string): string => `tagwire streams ${base}`;

/**
 * Remembers streams in IndexedDB, over restarts: what was last seen stays readable without a server. Where there is
 * none (a private window, a full disk) nothing is remembered, and everything else works.
 */
export function createStreamMemory(name: string): StreamMemory {
  const store = createStore(name, 'streams');
  const waiting = new Map<string, Kept>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function write(): Promise<void> {
    timer = undefined;
    const batch = [...waiting];
    waiting.clear();
    await setMany(batch, store);
  }

  async function prune(): Promise<void> {
    const kept = await entries<string, Kept>(store);
    const old = kept.sort(([, a], [, b]) => b.at - a.at).slice(MAX_STREAMS);
    if (old.length > 0)
      await delMany(
        old.map(([stream]) => stream),
        store,
      );
  }
  prune().catch(() => undefined);

  return {
    async recall(stream) {
      const late = new Promise<undefined>((resolve) => setTimeout(resolve, RECALL_MS, undefined));
      try {
        const kept = await Promise.race([get<Kept>(stream, store), late]);
        return kept && { version: kept.version, state: kept.state };
      } catch {
        return undefined;
      }
    },
    keep(stream, { version, state }) {
      waiting.set(stream, { version, state, at: Date.now() });
      timer ??= setTimeout(() => void write().catch(() => undefined), WRITE_MS);
    },
  };
}
