import type { Post } from '../../contract/post.ts';

/** The most characters (Unicode code points) of a word that search looks at. */
const MAX_TERM_LENGTH = 64;

const UNSEEN = /(?!\u200b)\p{Default_Ignorable_Code_Point}/gu;

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

/** As tags are compared, so that a word is found whether its joiners were typed or not. */
function normalize(text: string): string {
  return text.replace(UNSEEN, '').normalize('NFC').toLowerCase().normalize('NFC');
}
