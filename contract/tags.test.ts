import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_TAG_LENGTH, parseTag, parseTagPart, tagsOf, tokenize } from './tags.ts';

const E_COMPOSED = '\u00e9';
const E_DECOMPOSED = 'e\u0301';

describe('the tags of a content', () => {
  it.each([
    ['a word', 'Learning #golang today', ['golang']],
    ['upper case', '#GoLang', ['golang']],
    ['the same tag twice', '#Go and #go', ['go']],
    ['several, in the order of their first mention', '#b #a #b', ['b', 'a']],
    ['French', '#Été', [`${E_COMPOSED}t${E_COMPOSED}`]],
    ['Chinese', '看 #发布会 了', ['发布会']],
    ['Devanagari, whose vowels are marks', '#देवनागरी', ['देवनागरी']],
    ['Arabic', '#مرحبا', ['مرحبا']],
    ['Greek, with its final sigma', '#ΟΔΟΣ', ['οδος']],
    ['letters beyond the basic plane', '#𐐀𐐁', ['𐐨𐐩']],
    ['a dotted capital I of Turkish', '#İstanbul', ['i\u0307stanbul']],
    ['digits of any script beside letters', '#web3 #٣د', ['web3', '٣د']],
    ['an underscore', '#_a_1', ['_a_1']],
    ['punctuation behind it', '#a, #b. #c! #d-e #f’s', ['a', 'b', 'c', 'd', 'f']],
    ['brackets and quotes around it', '(#a) [#b] "#c" «#d»', ['a', 'b', 'c', 'd']],
    ['the beginning of a line', 'x\n#a\r\n#b', ['a', 'b']],
    ['an emoji in front of it', '😀#a ❤️#b 1️⃣#c 👩‍💻#d', ['a', 'b', 'c', 'd']],
    ['an emoji behind it', '#a😀 #b❤️', ['a', 'b']],
    ['another tag in front of it', '#a#b#c', ['a', 'b', 'c']],
    ['another tag and a slash in front of it', '#golang/#rust', ['golang', 'rust']],
    ['a full-width sign, as Japanese keyboards write it', '＃日本語 ＃a＃b', ['日本語', 'a', 'b']],
    ['a non-joiner of Persian, which its feed does without', '#می\u200cخواهم', ['میخواهم']],
    ['a joiner of Sinhala, which its feed does without', '#ශ්\u200dරී', ['ශ්රී']],
    ['Catalan, with the dot of l·l', '#il·lusió', ['il·lusió']],
    ['Tibetan, whose syllables a tsheg divides, of either kind', '#བོད་སྐད་ #བོད༌སྐད', ['བོད་སྐད']],
    ['Hebrew, with maqaf, gershayim and geresh', '#עַל־יְדֵי #מ״כ #וכו׳', ['עַל־יְדֵי', 'מ״כ', 'וכו׳']],
    [
      'Japanese, with its dots, dashes and waves, of either width',
      '#メ～テレ #メ〜テレ #a・b #a･b #ア゠イ',
      ['メ〜テレ', 'a・b', 'ア゠イ'],
    ],
    ['Japanese, with the signs that repeat or voice', '#云々 #各〻 #各〃 #か゛', ['云々', '各〻', '各〃', 'か゛']],
    ['Chinese, with its zero', '#二〇二六年 #〇一号', ['二〇二六年', '〇一号']],
    ['an apostrophe that is a letter', '#сімʼя #oʻzbek', ['сімʼя', 'oʻzbek']],
    ['a small sign', '﹟a', ['a']],
    ['signs of words only inside of it', '#a· #b~ #ハイ～ #c・。', ['a', 'b', 'ハイ', 'c']],
    [
      'what can not be seen in it, which its feed does without',
      '#foo\u034fbar #foo\u3164bar #foo\u00adbar',
      ['foobar'],
    ],
    ['the end of a word that can not be seen behind it', '#foo\u200bbar #x\u202ey', ['foo', 'x']],
    ['a selector of a variant of its letters', '#葛\u{e0100}城', ['葛城']],
  ])('have %s', (_, content, tags) => {
    expect(tagsOf(content)).toEqual(tags);
  });

  it.each([
    ['a sign alone', '# #'],
    ['digits alone', '#123 #१२३'],
    ['an underscore alone', '#_ #_1'],
    ['numbers that are no digits', '#② #Ⅷ #½'],
    ['what can not be seen alone', '#\u3164 #\u115f #\u1160 #\uffa0 #\u034f #\u00ad #\u2060'],
    ['the sign of ditto alone', '#〃 #・ #· #׳'],
    ['a sign inside a word', 'a#b C#x é#b 中#文 _#a 1#a'],
    ['a sign behind an accent that stands apart', `${E_DECOMPOSED}#b`],
    ['a sign behind a sign', '##a ＃#a'],
    ['a reference of HTML', '&#x27; &#xe9'],
    ['a keycap', '#️⃣ #️⃣abc'],
    ['a sign with an accent on it', '#\u0308abc'],
    ['the fragment of a URL', 'https://a.b/#top ftp://a.b/c?d=(#e) HTTP://A.B/#c'],
    ['the fragment of a URL in brackets', '(https://a.b/#top)'],
    ['the fragment of an address without a scheme', 'www.a.b/-#top example.org/#top example.org/x.html#top'],
    ['the fragment of an internationalised address', 'https://zh.wikipedia.org/wiki/中文#历史'],
    ['the scheme of a URL', '#http://a.b'],
    ['a joiner at its end', '#\u200d #\u200ca'],
  ])('do not have %s', (_, content) => {
    expect(tagsOf(content)).toEqual([]);
  });

  it.each([
    ['white space', 'https://a.b/#x #tag'],
    ['an ideographic space', 'https://a.b/#x\u3000#tag'],
    ['punctuation of Chinese', '看https://a.b/x。#tag'],
    ['a closing quote', '“https://a.b/x”#tag'],
    ['an angle bracket', '<https://a.b/x>#tag'],
  ])('begin again where a URL ends with %s', (_, content) => {
    expect(tagsOf(content)).toEqual(['tag']);
  });

  it('do not mind a word that only looks like the beginning of an address', () => {
    expect(tagsOf('Awww.#cute and http:// #a')).toEqual(['cute', 'a']);
  });

  it('are the same for a letter in one piece and in two', () => {
    expect(tagsOf(`#${E_DECOMPOSED}t${E_DECOMPOSED}`)).toEqual(tagsOf(`#${E_COMPOSED}t${E_COMPOSED}`));
  });

  it('have at most 64 characters, counted in code points', () => {
    expect(tagsOf(`#${'x'.repeat(MAX_TAG_LENGTH)} #${'𐐨'.repeat(MAX_TAG_LENGTH)}`)).toHaveLength(2);
  });

  it('leave out a longer one altogether', () => {
    expect(tagsOf(`#${'x'.repeat(MAX_TAG_LENGTH + 1)}`)).toEqual([]);
  });

  it('count the characters of the tag, not those that were written', () => {
    expect(tagsOf(`#${E_DECOMPOSED.repeat(MAX_TAG_LENGTH)}`)).toHaveLength(1);
  });
});

describe('the tokens of a content', () => {
  it('keep what was written, beside the name of the feed', () => {
    expect(tokenize('Ein #Été.')).toEqual([
      { kind: 'text', text: 'Ein ' },
      { kind: 'tag', text: '#Été', tag: `${E_COMPOSED}t${E_COMPOSED}` },
      { kind: 'text', text: '.' },
    ]);
  });

  it('are none for no content', () => {
    expect(tokenize('')).toEqual([]);
  });

  it('are the content again when they are joined', () => {
    fc.assert(
      fc.property(content(), (text) => {
        expect(
          tokenize(text)
            .map((token) => token.text)
            .join(''),
        ).toBe(text);
      }),
    );
  });

  it('never hold an empty text, nor two texts in a row', () => {
    fc.assert(
      fc.property(content(), (text) => {
        const kinds = tokenize(text).map((token) => (token.text === '' ? 'empty' : token.kind));
        expect(kinds.join(' ')).not.toMatch(/empty|text text/);
      }),
    );
  });

  it('name feeds whose names are their own', () => {
    fc.assert(
      fc.property(content(), (text) => {
        for (const tag of tagsOf(text)) expect(parseTag(tag)).toBe(tag);
      }),
    );
  });

  it('name feeds that can be written as a tag again', () => {
    fc.assert(
      fc.property(content(), (text) => {
        for (const tag of tagsOf(text)) expect(tagsOf(`#${tag}`)).toEqual([tag]);
      }),
    );
  });
});

describe('characters that can not be seen', () => {
  const unseen = Array.from({ length: 0x110000 }, (_, code) => code)
    .filter((code) => code < 0xd800 || code > 0xdfff)
    .map((code) => String.fromCodePoint(code))
    .filter((character) => /\p{Default_Ignorable_Code_Point}/u.test(character));

  it('never make a feed, alone or beside a letter', () => {
    for (const character of unseen) {
      expect(tagsOf(`#${character}`)).toEqual([]);
      expect(parseTag(character)).toBeUndefined();
      expect(parseTag(`a${character}`)).toBe('a');
      expect(parseTagPart(`＃${character}a`)).toBe('a');
    }
  });

  it('never make another feed than that which one sees, or than that which ends before them', () => {
    for (const character of unseen) {
      expect([['foobar'], ['foo']]).toContainEqual(tagsOf(`#foo${character}bar`));
      expect(tagsOf(`#foo${character}`)).toEqual(['foo']);
    }
  });
});

describe('what is typed to find feeds', () => {
  it.each([
    ['#Golang', 'golang'],
    [' ＃GO', 'go'],
    ['﹟go', 'go'],
    ['می\u200cخواهم', 'میخواهم'],
    [E_DECOMPOSED, E_COMPOSED],
    ['メ～', 'メ〜'],
    ['', ''],
    ['#', ''],
  ])('as %j is looked for as %j', (typed, part) => {
    expect(parseTagPart(typed)).toBe(part);
  });

  it('finds a feed by the hashtag as it was written', () => {
    fc.assert(
      fc.property(content(), (text) => {
        for (const token of tokenize(text)) if (token.kind === 'tag') expect(parseTagPart(token.text)).toBe(token.tag);
      }),
    );
  });
});

describe('the name of a feed', () => {
  it.each([
    ['Golang', 'golang'],
    [E_DECOMPOSED, E_COMPOSED],
    ['go\u200dlang', 'golang'],
    ['A\ufe0f', 'a'],
  ])('is, for %j, %j', (name, tag) => {
    expect(parseTag(name)).toBe(tag);
  });

  it.each([[''], ['1'], ['#a'], ['a b'], ['a-b'], ['\u0301a'], ['a/b'], ['a\n'], ['\ud800'], ['x'.repeat(65)]])(
    'can not be %j',
    (name) => {
      expect(parseTag(name)).toBeUndefined();
    },
  );

  it('is its own for whatever it was made of', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        const tag = parseTag(name);
        expect(tag === undefined || parseTag(tag) === tag).toBe(true);
      }),
    );
  });
});

/** Text of pieces that matter to the tokenizer, and of any characters at all. */
function content(): fc.Arbitrary<string> {
  const pieces = [
    '#',
    '＃',
    'a',
    'É',
    'e\u0301',
    'İ',
    'ς',
    '1',
    '_',
    ' ',
    '\n',
    '/',
    '.',
    '&',
    'http://',
    'www.',
    '发布',
  ];
  const marks = [
    '·',
    '～',
    '\u3164',
    '\u034f',
    '\u200b',
    '\u202e',
    '״',
    '׳',
    '\u0301',
    '\ufe0f',
    '\u20e3',
    '\u200d',
    '\u200c',
    '😀',
    '❤️',
    '。',
    '"',
  ];
  const piece = fc.oneof(fc.constantFrom(...pieces, ...marks), fc.string({ unit: 'binary', maxLength: 2 }));
  return fc.array(piece, { maxLength: 30 }).map((parts) => parts.join(''));
}
