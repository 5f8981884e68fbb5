import type { InjectionKey, Ref } from 'vue';

/** Why what is to be kept stays in the memory of this window: the browser gives no storage, or it is full. */
export type StorageTrouble = 'denied' | 'full';

/** The one way to localStorage. `trouble` is what was wrong with it first, for people. */
export type Kept = { readonly storage: Storage; readonly trouble: Readonly<Ref<StorageTrouble | undefined>> };

export const keptKey: InjectionKey<Kept> = Symbol('kept storage');

/**
 * A storage that never throws. What the browser's own (`open`, which may throw as well) does not take is held in memory,
 * in front of what is stored, until it is taken after all: so a window goes on for as long as it lives. `onTrouble` hears
 * of the first failure only.
 */
export function keptStorage(open: () => Storage, onTrouble: (trouble: StorageTrouble) => void): Storage {
  /** Values that were not stored; `null` for what could not be removed. */
  const held = new Map<string, string | null>();
  let isTold = false;

  function attempt<T>(work: (storage: Storage) => T): T | undefined {
    try {
      return work(open());
    } catch (error) {
      if (!isTold) onTrouble(isFull(error) ? 'full' : 'denied');
      isTold = true;
      return undefined;
    }
  }

  function keys(): string[] {
    const stored = attempt((storage) => Array.from({ length: storage.length }, (_, index) => storage.key(index) ?? ''));
    const all = new Set([...(stored ?? []), ...held.keys()]);
    return [...all].filter((key) => held.get(key) !== null);
  }

  function put(key: string, value: string): void {
    const isStored = attempt((storage) => (storage.setItem(key, value), true)) === true;
    if (isStored) held.delete(key);
    else held.set(key, value);
  }

  return {
    get length() {
      return keys().length;
    },
    key: (index) => keys()[index] ?? null,
    getItem: (key) => held.get(key) ?? (held.has(key) ? null : (attempt((storage) => storage.getItem(key)) ?? null)),
    setItem: put,
    removeItem(key) {
      held.delete(key);
      const isGone = attempt((storage) => (storage.removeItem(key), true)) === true;
      if (!isGone) held.set(key, null);
      // There is room now for what had none.
      else for (const [other, value] of [...held]) if (value !== null) put(other, value);
    },
    clear() {
      for (const key of keys()) this.removeItem(key);
    },
  };
}

function isFull(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'QuotaExceededError';
}
