/** A piece of a post's content: plain text, or a hashtag with the name of its feed. */
export type Token =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tag'; readonly text: string; readonly tag: string };

/** The most characters (Unicode code points) that a tag may have, `#` not counted. */
export const MAX_TAG_LENGTH = 64;

const TAG_CHARACTER = /[\p{L}\p{M}\p{Nd}_]/u;
const LETTER = /\p{L}/u;
const TAG_NAME = /^[\p{L}\p{M}\p{Nd}_]+$/u;
// A URL swallows everything up to white space, so a fragment (`https://a.b/#top`) is never a tag.
const URL_OR_HASH = /(?:[a-z][a-z0-9+.-]*:\/\/|www\.)\S+|#([\p{L}\p{M}\p{Nd}_]+)/giu;

/**
 * Cuts content into text and hashtags; the joined `text` of all tokens is the content, unchanged.
 * The rule is that of `design.md`, "Tags": `#`, then letters, marks, digits and `_` of any script with at
 * least one letter, at most {@link MAX_TAG_LENGTH} characters, neither inside a URL nor inside a word.
 */
export function tokenize(content: string): Token[] {
  const tokens: Token[] = [];
  let plainFrom = 0;
  for (const match of content.matchAll(URL_OR_HASH)) {
    const name = match[1];
    if (name === undefined || followsWord(content, match.index)) continue;
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

/** A name as the feed's name (NFC, lower case), or `undefined` when it cannot be a tag. Takes no `#`. */
export function parseTag(name: string): string | undefined {
  const tag = name.normalize('NFC').toLowerCase().normalize('NFC');
  if (!TAG_NAME.test(tag) || !LETTER.test(tag)) return undefined;
  return [...tag].length <= MAX_TAG_LENGTH ? tag : undefined;
}

function followsWord(content: string, index: number): boolean {
  const before = [...content.slice(Math.max(0, index - 2), index)].at(-1);
  // `##x` and `&#x27;` are not tags either: in both the `#` belongs to what stands before it.
  return before !== undefined && (TAG_CHARACTER.test(before) || before === '#' || before === '&' || before === '/');
}
