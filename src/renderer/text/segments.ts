import { tokenize } from '../../../contract/tags.ts';

/** A piece of a post's content, ready to be shown: text as it is, a link to a feed, or a link to the web. */
export type Segment =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tag'; readonly text: string; readonly tag: string }
  | { readonly kind: 'link'; readonly text: string; readonly href: string };

const WEB_ADDRESS = /\bhttps?:\/\/[^\s<>"'`]+/giu;

/** Punctuation that ends a sentence rather than an address. */
const TRAILING = /[.,;:!?…。、，！？»”’*_~]+$/u;

/**
 * Cuts content into segments; the joined `text` of all is the content, unchanged. Only `http:` and `https:`
 * addresses that the URL parser takes, without user name or password, become links.
 */
export function segmentsOf(content: string): Segment[] {
  return tokenize(content).flatMap((token): Segment[] => (token.kind === 'tag' ? [token] : linksOf(token.text)));
}

function linksOf(text: string): Segment[] {
  const segments: Segment[] = [];
  let plainFrom = 0;
  for (const match of text.matchAll(WEB_ADDRESS)) {
    const address = withoutTrailing(match[0]);
    const href = safeHref(address);
    if (href === undefined) continue;
    if (match.index > plainFrom) segments.push({ kind: 'text', text: text.slice(plainFrom, match.index) });
    segments.push({ kind: 'link', text: address, href });
    plainFrom = match.index + address.length;
  }
  if (plainFrom < text.length) segments.push({ kind: 'text', text: text.slice(plainFrom) });
  return segments;
}

function withoutTrailing(address: string): string {
  const trimmed = address.replace(TRAILING, '');
  // A closing bracket belongs to the address only when it was opened there: `(see https://a.b/c)`.
  const last = trimmed.at(-1);
  const opening = last === ')' ? '(' : last === ']' ? '[' : undefined;
  if (opening === undefined || trimmed.includes(opening)) return trimmed;
  return withoutTrailing(trimmed.slice(0, -1));
}

function safeHref(address: string): string | undefined {
  if (!URL.canParse(address)) return undefined;
  const url = new URL(address);
  const isWeb = url.protocol === 'https:' || url.protocol === 'http:';
  return isWeb && url.username === '' && url.password === '' ? url.href : undefined;
}
