import type { Post } from '../../contract/post.ts';

/** The most characters (Unicode code points) of a word that search looks at. */
const MAX_TERM_LENGTH = 64;

// A fixed locale, so that words are cut alike on every machine; 'und' has the rules for all scripts.
const WORDS = new Intl.Segmenter('und', { granularity: 'word' });

/** The words of a text in NFC and lower case, each once, cut to {@link MAX_TERM_LENGTH}; works for CJK and Thai. */
export function termsOf(text: string): string[] {
  const terms = new Set<string>();
  for (const { segment, isWordLike } of WORDS.segment(normalize(text))) {
    if (isWordLike === true) terms.add(cut(segment));
  }
  return [...terms];
}

function cut(word: string): string {
  return word.length <= MAX_TERM_LENGTH ? word : [...word].slice(0, MAX_TERM_LENGTH).join('');
}

/** The words by which a post is found: of title, content and author, and its tags as they are. */
export function postTerms({ title, content, author, tags }: Post): string[] {
  return [...new Set([...termsOf(`${title}\n${content}\n${author}`), ...tags])];
}

/** What is typed into the filter of the list of feeds, as part of a feed's name; `#` may stand before it. */
export function normalizeFilter(q: string): string {
  return normalize(q.trim().replace(/^#/, ''));
}

function normalize(text: string): string {
  return text.normalize('NFC').toLowerCase().normalize('NFC');
}
