import { addressAt } from './addresses.ts';

/** A piece of a post's content: plain text, a hashtag with the name of its feed, or an address (addresses.ts). */
export type Token =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tag'; readonly text: string; readonly tag: string }
  | { readonly kind: 'address'; readonly text: string };

/** The most characters (Unicode code points) that a tag may have, `#` not counted. */
export const MAX_TAG_LENGTH = 64;

/*
 * A name is made of letters, marks, digits and `_`, as UAX #31 has hashtags; docs/decisions/0011-hashtags.md decides what
 * that leaves open. It does not begin with a mark, which would stand on the `#`, as in the emoji #️⃣.
 */
const VISIBLE = String.raw`(?!\p{Default_Ignorable_Code_Point})`;
const START = String.raw`${VISIBLE}[\p{L}\p{Nl}\p{Nd}_]`;
// Hebrew geresh, and the signs of Japanese that repeat or voice what is before them, are no letters but end words.
const PART = String.raw`${VISIBLE}[\p{L}\p{M}\p{Nl}\p{Nd}_׳〃゛゜]`;
// Catalan l·l, Tibetan tsheg, Hebrew maqaf and gershayim, Japanese dots, dashes and waves: only inside a word.
const MEDIAL = '[·་༌־״゠・･〜～]';
// What one can't see is part of what is written, but not of the name. What ends words, or turns them round, is neither.
const UNSEEN = String.raw`(?![\u200b\p{Bidi_Control}])\p{Default_Ignorable_Code_Point}`;

const SIGN = '[#＃﹟]';
const SIGNS = new RegExp(String.raw`${SIGN}|:\/\/|[wW]{3}\.`, 'gu');
const HASHTAG = new RegExp(
  `${SIGN}(${START}(?:${PART}|(?:${UNSEEN})+(?=${PART})|${MEDIAL}(?=(?:${UNSEEN})*${PART}))*)`,
  'uy',
);
const TAG_NAME = new RegExp(`^${START}(?:${PART}|${MEDIAL}(?=${PART}))*$`, 'u');
const LETTER = /\p{L}/u;
const BEGINS_WITH_SIGN = new RegExp(`^${SIGN}`, 'u');

/** The same sign of two keyboards: the waves of Windows and of others, the dot of half width, tsheg that breaks no line. */
const TWINS: Readonly<Record<string, string>> = { '～': '〜', '･': '・', '༌': '་' };

// A word with its accents, but not an emoji, which ends in a mark as well (❤️, 1️⃣).
const END_OF_WORD = /(?<=[\p{L}\p{Nd}_](?:(?![\ufe0f\u20e3])\p{M})*)/uy;

/**
 * Cuts content into text, hashtags and addresses; the joined `text` of all tokens is the content, unchanged.
 * A hashtag is `#` (or `＃`), then letters, marks, digits and `_` of any script with at least one letter, at most
 * {@link MAX_TAG_LENGTH} characters, neither inside an address nor inside a word. One may follow another without a space:
 * `#a#b` and `#a/#b` are two.
 */
export function tokenize(content: string): Token[] {
  const tokens: Token[] = [];
  let plainFrom = 0;
  const signs = new RegExp(SIGNS);
  for (let match = signs.exec(content); match !== null; match = signs.exec(content)) {
    const { index } = match;
    const isBehindTag = tokens.at(-1)?.kind === 'tag' && /^\/?$/.test(content.slice(plainFrom, index));
    const found = BEGINS_WITH_SIGN.test(match[0])
      ? hashtagAt(content, index, isBehindTag)
      : wrap(content, addressAt(content, index, plainFrom));
    if (found === undefined) continue;
    if (found.start > plainFrom) tokens.push({ kind: 'text', text: content.slice(plainFrom, found.start) });
    tokens.push(found.token);
    plainFrom = signs.lastIndex = found.start + found.token.text.length;
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
  if (name.length > LONGEST_WRITTEN) return undefined;
  const tag = fold(name);
  if (!TAG_NAME.test(tag) || !LETTER.test(tag)) return undefined;
  return [...tag].length <= MAX_TAG_LENGTH ? tag : undefined;
}

/** What somebody types to find feeds, as part of a feed's name; a `#` of any width may stand before it. */
export function parseTagPart(typed: string): string {
  return fold(typed.trim().replace(BEGINS_WITH_SIGN, ''));
}

/** No name that is written longer, in UTF-16, is short enough in NFC; to put a long row of marks into NFC takes long. */
const LONGEST_WRITTEN = 16 * MAX_TAG_LENGTH;

/** As names are compared: no two differ by what one can't see. */
function fold(name: string): string {
  return name
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .replace(/[～･༌]/g, (sign) => TWINS[sign] ?? sign)
    .normalize('NFC')
    .toLowerCase()
    .normalize('NFC');
}

type Found = { readonly start: number; readonly token: Token };

function wrap(content: string, address: { start: number; end: number } | undefined): Found | undefined {
  if (address === undefined) return undefined;
  const { start, end } = address;
  return { start, token: { kind: 'address', text: content.slice(start, end) } };
}

function hashtagAt(content: string, index: number, isBehindTag: boolean): Found | undefined {
  if (!isBehindTag && isAttached(content, index)) return undefined;
  HASHTAG.lastIndex = index;
  const [text, name] = HASHTAG.exec(content) ?? [];
  if (text === undefined || name === undefined || content.startsWith('://', index + text.length)) return undefined;
  const tag = parseTag(name);
  return tag === undefined ? undefined : { start: index, token: { kind: 'tag', text, tag } };
}

/** True where what stands before makes a `#` part of something else: a word, `##`, `&#x27;`, `example.org/#top`. */
function isAttached(content: string, index: number): boolean {
  END_OF_WORD.lastIndex = index;
  return /[#＃﹟&/]/.test(content.charAt(index - 1)) || END_OF_WORD.test(content);
}
