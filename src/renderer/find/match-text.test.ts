import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fold, matchesIn } from './match-text.ts';

const found = (text: string, query: string) =>
  matchesIn(fold(text), fold(query)).map(({ from, to }) => text.slice(from, to));

describe('looking for a text', () => {
  it.each([
    ['one Needle, two needles', 'needle', ['Needle', 'needle']],
    ['aaaa', 'aa', ['aa', 'aa']],
    ['a résumé', 'RESUME', ['résumé']],
    ['a re\u0301sume\u0301', 'résumé', ['re\u0301sume\u0301']],
    ['STRASSE und Straße', 'straße', ['STRASSE', 'Straße']],
    ['İstanbul, ısı', 'istanbul', ['İstanbul']],
    ['ΟΔΟΣ και οδός', 'οδος', ['ΟΔΟΣ', 'οδός']],
    ['Йод и иод', 'иод', ['иод']],
    ['がか', 'か', ['か']],
    ['か\u3099か', 'が', ['か\u3099']],
    ['कि का', 'कि', ['कि']],
    ['한글', '한', ['한']],
    ['ｆｕｌｌ width', 'full', ['ｆｕｌｌ']],
    ['soft\u00adware', 'software', ['soft\u00adware']],
    ['two\n\n  lines', 'two lines', ['two\n\n  lines']],
    ['👩‍💻 works', '👩‍💻', ['👩‍💻']],
    ['a.c abc', 'a.c', ['a.c']],
    ['nothing', 'x', []],
    ['a b', '', []],
    ['a b', ' ', []],
    ['a b', '\u200b', []],
  ])('%j holds %j at %j', (text, query, expected) => {
    expect(found(text, query)).toEqual(expected);
  });

  it('finds in any text the whole of it, unless there is nothing to see', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }), (text) => {
        const [whole, ...others] = matchesIn(fold(text), fold(text));
        expect(others).toEqual([]);
        if (fold(text).text.trim() !== '') expect(fold(text.slice(whole?.from, whole?.to))).toEqual(fold(text));
      }),
    );
  });
});
