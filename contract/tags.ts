/** A piece of a post's content: plain text, or a hashtag with the name of its feed. */
export type Token =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tag'; readonly text: string; readonly tag: string };

/** The most characters (Unicode code points) that a tag may have, `#` not counted. */
export const MAX_TAG_LENGTH = 64;

/*
 * A name begins with a letter, a digit or `_` (a mark there would stand on the `#`, as in the emoji #️⃣), and goes on with
 * these and marks. Joiners belong to words of Persian, Sinhala and others, but only between two of their letters.
 */
const START = String.raw`[\p{L}\p{Nd}_]`;
const PART = String.raw`(?:[\p{L}\p{M}\p{Nd}_]|[\u200c\u200d](?=${START}))`;
const TAG_NAME = new RegExp(String.raw`^${START}[\p{L}\p{M}\p{Nd}_]*$`, 'u');
const LETTER = /\p{L}/u;

// What one can't see makes no other tag: joiners, and the selectors of a glyph's variant.
const INVISIBLE = /[\u200c\u200d]|\p{Variation_Selector}/gu;

// A URL goes on to white space, a quote, or punctuation of other scripts, which write no space after it. So a fragment
// (`https://a.b/#top`) is never a tag. Each alternative begins where none of its characters is before: no quadratic search.
const URL_REST = String.raw`(?:[!#-;=?-~]|[^\p{P}\s\x00-\x7f])+`;
const URL_START = String.raw`(?:(?<![A-Za-z0-9+.\-])[A-Za-z0-9+.\-]+:\/\/|(?<![\p{L}\p{M}\p{Nd}_.\-])[wW]{3}\.)`;
// The full-width sign is what Japanese and Chinese keyboards write (UAX #31, hashtag identifiers, has both).
const URL_OR_HASHTAG = new RegExp(String.raw`${URL_START}${URL_REST}|[#＃](${START}${PART}*)(?!${PART}|:\/\/)`, 'gu');

// A word with its accents, but not an emoji, which ends in a mark as well (❤️, 1️⃣).
const END_OF_WORD = /(?<=[\p{L}\p{Nd}_](?:(?![\ufe0f\u20e3])\p{M})*)/uy;

/**
 * Cuts content into text and hashtags; the joined `text` of all tokens is the content, unchanged.
 * A hashtag is `#` (or `＃`), then letters, marks, digits and `_` of any script with at least one letter, at most
 * {@link MAX_TAG_LENGTH} characters, neither inside a URL nor inside a word. One may follow another without a space:
 * `#a#b` and `#a/#b` are two.
 */
export function tokenize(content: string): Token[] {
  const tokens: Token[] = [];
  let plainFrom = 0;
  for (const match of content.matchAll(URL_OR_HASHTAG)) {
    const name = match[1];
    const followsTag = tokens.length > 0 && /^\/?$/.test(content.slice(plainFrom, match.index));
    if (name === undefined || (!followsTag && isAttached(content, match.index))) continue;
    const tag = parseTag(name);
    if (tag === undefined) continue;
    if (match.index > plainFrom) tokens.push({ kind: 'text', text: content.slice(plainFrom, match.index) });
    tokens.push({ kind: 'tag', text: match[0], tag });
    plainFrom = match.index + match[0].length;
  }
  if (plainFrom < content.length) tokens.push({ kind: 'text', text: content.slice(plainFrom) });
  return tokens;
}

/** The tags of a content, in NFC and lower case, each once, in the order of their first mention. */
export function tagsOf(content: string): string[] {
  const tags = new Set<string>();
  for (const token of tokenize(content)) if (token.kind === 'tag') tags.add(token.tag);
  return [...tags];
}

/**
 * A name as the feed's name (NFC, lower case, nothing invisible), or `undefined` when it cannot be a tag. Takes no `#`.
 * A feed's name is its own: `parseTag(tag) === tag`.
 */
export function parseTag(name: string): string | undefined {
  const tag = name.replace(INVISIBLE, '').normalize('NFC').toLowerCase().normalize('NFC');
  if (!TAG_NAME.test(tag) || !LETTER.test(tag)) return undefined;
  return [...tag].length <= MAX_TAG_LENGTH ? tag : undefined;
}

/** True where what stands before makes a `#` part of something else: a word, `##`, `&#x27;`, `example.org/#top`. */
function isAttached(content: string, index: number): boolean {
  END_OF_WORD.lastIndex = index;
  return /[#＃&/]/.test(content.charAt(index - 1)) || END_OF_WORD.test(content);
}
