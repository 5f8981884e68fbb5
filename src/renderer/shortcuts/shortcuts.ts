/** A key, or two pressed one after the other (`g h`), and what it is for. */
export type Shortcut = { readonly keys: string; readonly label: string; readonly run: () => void };

/** How long the second key of a pair may take, in ms. */
const PAIR_MS = 1_000;

/** The part of a keyboard event that matters here. */
export type KeyPress = {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly timeStamp: number;
};

/** Finds the shortcut that a key press completes. Keys with Ctrl, Alt or ⌘ are the browser's and the system's. */
export function createMatcher(shortcuts: readonly Shortcut[]) {
  let pending: { readonly key: string; readonly at: number } | undefined;
  return (press: KeyPress): Shortcut | undefined => {
    if (press.ctrlKey || press.metaKey || press.altKey) return undefined;
    const first = pending !== undefined && press.timeStamp - pending.at <= PAIR_MS ? `${pending.key} ` : '';
    const found = shortcuts.find(({ keys }) => keys === `${first}${press.key}`);
    const begins = found === undefined && shortcuts.some(({ keys }) => keys.startsWith(`${press.key} `));
    pending = begins ? { key: press.key, at: press.timeStamp } : undefined;
    return found;
  };
}
