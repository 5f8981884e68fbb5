import { v4 as uuid } from 'uuid';

/** Which windows of a profile are open, told by their ids. */
export type Presence = {
  /** Takes an id for as long as the page lives; false when another window has it. */
  claim(id: string): Promise<boolean>;
  /** Takes an id that is new, so that nobody else can have it. */
  take(id: string): void;
  /** The ids of all windows that are open, this one's included; `undefined` where that can't be told. */
  living(): Promise<ReadonlySet<string> | undefined>;
};

/** Where the browser denies all that windows find each other by: each keeps to itself. */
export const ALONE: Presence = { claim: async () => true, take: () => undefined, living: async () => undefined };

/** Told by locks that last as long as the page. Rejects where the browser denies them. */
export function lockPresence(locks: LockManager, prefix: string): Presence {
  const start = `${prefix}window:`;
  const claim = (id: string) =>
    new Promise<boolean>((resolve, reject) => {
      locks
        .request(start + id, { ifAvailable: true }, (lock) => {
          resolve(lock !== null);
          return lock === null ? undefined : new Promise<never>(() => undefined);
        })
        .catch(reject);
    });
  return {
    claim,
    take: (id) => void claim(id).catch(() => undefined),
    async living() {
      const { held = [] } = await locks.query();
      return new Set(held.flatMap(({ name }) => (name?.startsWith(start) ? [name.slice(start.length)] : [])));
    },
  };
}

type Said = { readonly ask: string; readonly id?: string } | { readonly here: string };

/** Who has not answered after this time, in ms, is not there: a window answers in a few. */
const ANSWER_MS = 300;

/**
 * Told by asking all windows, where there are no locks: on plain HTTP and a host name. A window that is frozen does not
 * answer; then its drafts are copied, and it keeps its own in its form.
 */
export function channelPresence(channel: BroadcastChannel): Presence {
  const token = uuid();
  const heard = new Set<string>();
  let own: string | undefined;
  let wanted: string | undefined;
  let asked: Promise<void> | undefined;

  channel.onmessage = ({ data }: MessageEvent<Said>) => {
    if ('here' in data) heard.add(data.here);
    else if (own !== undefined) channel.postMessage({ here: own } satisfies Said);
    // Two that want the same at once: one of them has to be the first. The other may not hear it, if it asked before this one came.
    else if (wanted !== undefined && wanted === data.id) {
      if (token < data.ask) channel.postMessage({ here: wanted } satisfies Said);
      else heard.add(wanted);
    }
  };
  const ask = () =>
    (asked ??= new Promise((resolve) => {
      channel.postMessage({ ask: token, ...(wanted !== undefined && { id: wanted }) } satisfies Said);
      setTimeout(resolve, ANSWER_MS);
    }));

  return {
    async claim(id) {
      wanted = id;
      await ask();
      wanted = undefined;
      if (heard.has(id)) return false;
      own = id;
      return true;
    },
    take: (id) => void (own = id),
    async living() {
      await ask();
      return own === undefined ? heard : new Set([...heard, own]);
    },
  };
}
