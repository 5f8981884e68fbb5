import { diffWordsWithSpace } from 'diff';
import { diff3Merge } from 'node-diff3';

/** A stretch of text that both versions have, or only the older (`removed`) or only the newer one (`added`). */
export type DiffPart = { readonly kind: 'same' | 'added' | 'removed'; readonly text: string };

/** `conflicts` counts the places where both sides changed the same words; there the merged text holds both. */
export type Merge = { readonly text: string; readonly conflicts: number };

/** What changed between two texts, by words. */
export function wordDiff(before: string, after: string): DiffPart[] {
  return diffWordsWithSpace(before, after).map(({ added, removed, value }) => ({
    kind: added ? 'added' : removed ? 'removed' : 'same',
    text: value,
  }));
}

/** Merges two edits of one text, by words. Where both changed the same words, theirs comes first, then mine. */
export function mergeEdits(base: string, mine: string, theirs: string): Merge {
  let conflicts = 0;
  const pieces = diff3Merge(words(mine), words(base), words(theirs)).flatMap((region) => {
    if (region.ok !== undefined) return region.ok;
    const conflict = region.conflict;
    if (conflict === undefined) return [];
    conflicts += 1;
    const first = conflict.b.join('');
    const second = conflict.a.join('');
    const gap = first === '' || second === '' || /\s$/u.test(first) || /^\s/u.test(second) ? '' : ' ';
    return [first, gap, second];
  });
  return { text: pieces.join(''), conflicts };
}

/** Words and the white space between them; joined, the text. Scripts without spaces are cut into characters. */
function words(text: string): string[] {
  return text.match(WORD) ?? [];
}

const WORD =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|\s+|[^\s\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]+/gu;
