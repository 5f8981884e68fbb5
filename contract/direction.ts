/*
 * Characters that turn the direction of the text behind them (UAX #9). Embeddings, overrides and isolates make a text look
 * like another one, so they are shown as what they are. Marks (LRM, RLM, ALM) only do what an unseen letter would; writers
 * of Hebrew and Arabic need them.
 */
const TURNING = /[\u202a-\u202e\u2066-\u2069]/u;
const ALL_TURNING = new RegExp(TURNING, 'gu');
const FIRST_STRONG_ISOLATE = '\u2068';
const POP_ISOLATE = '\u2069';

/** A text with its turning characters written out: `[U+202E]`. */
export function withVisibleControls(text: string): string {
  return text.replace(ALL_TURNING, (character) => `[${codeOf(character)}]`);
}

/** A text to be put into a sentence, whose order it does not change, whatever it holds. */
export function isolated(text: string): string {
  return `${FIRST_STRONG_ISOLATE}${withVisibleControls(text)}${POP_ISOLATE}`;
}

/** The first turning character of a text, for people (`U+202E`); `undefined` when there is none. */
export function turningCharacter(text: string): string | undefined {
  const [found] = TURNING.exec(text) ?? [];
  return found && codeOf(found);
}

/** The first character that has to do with directions at all: by one of these, two names look the same. */
export function directionCharacter(text: string): string | undefined {
  const [found] = /\p{Bidi_Control}/u.exec(text) ?? [];
  return found && codeOf(found);
}

function codeOf(character: string): string {
  return `U+${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}`;
}
