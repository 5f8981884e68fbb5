/** A key, or two pressed one after the other (`g h`), and what it is for. */
export type Shortcut = { readonly keys: string; readonly label: string; readonly run: () => void };

/** How long the second key of a pair may take, in ms. */
const PAIR_MS = 1_000;

/** The part of a keyboard event that matters here. */
export type KeyPress = {
  readonly key: string;
  /** The place on the keyboard, by the letter of the US layout: `KeyN`. */
  readonly code: string;
  readonly shiftKey: boolean;
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
    const key = keyOf(press);
    const first = pending !== undefined && press.timeStamp - pending.at <= PAIR_MS ? `${pending.key} ` : '';
    const found = shortcuts.find(({ keys }) => keys === `${first}${key}`);
    const begins = found === undefined && shortcuts.some(({ keys }) => keys.startsWith(`${key} `));
    pending = begins ? { key, at: press.timeStamp } : undefined;
    return found;
  };
}

/** Where the signs of shortcuts are on a keyboard of the US, without and with Shift. */
const SIGNS: Readonly<Record<string, readonly [string, string]>> = { Slash: ['/', '?'], Period: ['.', '>'] };

/**
 * The key that a person means. On a keyboard with Latin letters that is what is written on it, wherever it is (AZERTY,
 * Dvorak); on one of another script, the place of the letter. Caps Lock changes nothing, Shift makes another key.
 */
function keyOf({ key, code, shiftKey }: KeyPress): string {
  if ([...key].length !== 1) return key;
  if (/^[\x21-\x7e\p{Script=Latin}]$/u.test(key)) return shiftKey ? key.toUpperCase() : key.toLowerCase();
  const letter = /^Key([A-Z])$/.exec(code)?.[1];
  if (letter !== undefined) return shiftKey ? letter : letter.toLowerCase();
  return SIGNS[code]?.[shiftKey ? 1 : 0] ?? key;
}
