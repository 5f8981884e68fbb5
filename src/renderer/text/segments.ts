import { type Token, tokenize } from '../../../contract/tags.ts';
import { shownHost } from './hosts.ts';

/** A piece of a post's content, ready to be shown: text as it is, a link to a feed, or a link to the web. */
export type Segment =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tag'; readonly text: string; readonly tag: string }
  /** `text` is what was written; `shown` differs from it where the host could be taken for another. */
  | { readonly kind: 'link'; readonly text: string; readonly shown: string; readonly href: string };

const WEB_ADDRESS = /^(https?:\/\/)([^/?#:]+|\[[^\]]*\])((?::\d*)?(?:[/?#].*)?)$/iu;

/**
 * Cuts content into segments; the joined `text` of all is the content, unchanged. Of the addresses that the tokenizer
 * finds, only those with `http:` or `https:`, a host that the URL parser takes, and neither user name nor password
 * become links.
 */
export function segmentsOf(content: string): Segment[] {
  const segments: Segment[] = [];
  for (const segment of tokenize(content).map(segmentOf)) {
    const last = segments.at(-1);
    if (segment.kind === 'text' && last?.kind === 'text') {
      segments[segments.length - 1] = { kind: 'text', text: last.text + segment.text };
    } else segments.push(segment);
  }
  return segments;
}

function segmentOf(token: Token): Segment {
  if (token.kind !== 'address') return token;
  const { text } = token;
  const [, scheme = '', host, rest = ''] = WEB_ADDRESS.exec(text) ?? [];
  if (host === undefined || host.includes('@') || !URL.canParse(text)) return { kind: 'text', text };
  const { href, hostname } = new URL(text);
  return { kind: 'link', text, shown: scheme + shownHost(host, hostname) + rest, href };
}
