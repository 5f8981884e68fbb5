import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeEdits, wordDiff } from './merge.ts';

describe('mergeEdits', () => {
  it('keeps both edits where they are apart', () => {
    const merge = mergeEdits('Lunch at noon in the park', 'Lunch at one in the park', 'Lunch at noon in the garden');
    expect(merge).toEqual({ text: 'Lunch at one in the garden', conflicts: 0 });
  });

  it('keeps an edit before a word and one after it', () => {
    expect(mergeEdits('see #x', 'see #x and more', 'see also #x').text).toBe('see also #x and more');
  });

  it('keeps both texts, theirs first, where both changed the same words', () => {
    const merge = mergeEdits('Lunch at noon', 'Lunch at one', 'Lunch at two');
    expect(merge).toEqual({ text: 'Lunch at two one', conflicts: 1 });
  });

  it('merges scripts without spaces by characters', () => {
    expect(mergeEdits('明日発表します', '明後日発表します', '明日発表しました').text).toBe('明後日発表しました');
  });

  it('is the edit of one side when the other did not edit', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (base, edit) => {
        expect(mergeEdits(base, edit, base)).toEqual({ text: edit, conflicts: 0 });
        expect(mergeEdits(base, base, edit)).toEqual({ text: edit, conflicts: 0 });
        expect(mergeEdits(base, edit, edit)).toEqual({ text: edit, conflicts: 0 });
      }),
    );
  });
});

describe('wordDiff', () => {
  it('holds both texts, whole', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, after) => {
        const parts = wordDiff(before, after);
        const without = (kind: string) =>
          parts
            .filter((part) => part.kind !== kind)
            .map((part) => part.text)
            .join('');
        expect(without('added')).toBe(before);
        expect(without('removed')).toBe(after);
      }),
    );
  });
});
