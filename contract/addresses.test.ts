import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tokenize } from './tags.ts';

const addresses = (content: string) =>
  tokenize(content).flatMap((token) => (token.kind === 'address' ? [token.text] : []));

describe('an address in a text', () => {
  it.each([
    ['a full stop of Chinese behind its host', 'https://example.com。你好', 'https://example.com'],
    ['one of half width', 'https://example.com｡ﾊｲ', 'https://example.com'],
    ['one of full width', 'https://example．com', 'https://example'],
    ['a danda of Hindi', 'https://example.com/a।', 'https://example.com/a'],
    ['a question mark of Arabic', 'https://example.com/a؟', 'https://example.com/a'],
    ['a comma of Chinese', 'https://example.com/a，https', 'https://example.com/a'],
    ['brackets of full width', '（https://example.com/a）', 'https://example.com/a'],
    ['quotes of Japanese', '「https://example.com/a」と', 'https://example.com/a'],
    ['quotes of Chinese', '《https://example.com/a》', 'https://example.com/a'],
    ['quotes of French', '«https://example.com/a»', 'https://example.com/a'],
    ['curly quotes', '“https://example.com/a”', 'https://example.com/a'],
    ['straight quotes', '"https://example.com/a"', 'https://example.com/a'],
    ['apostrophes', "'https://example.com/a', x", 'https://example.com/a'],
    ['brackets', '(https://example.com/a)', 'https://example.com/a'],
    ['brackets and a full stop', '(see https://example.com/a).', 'https://example.com/a'],
    ['brackets of Markdown', '[x](https://example.com/a)b', 'https://example.com/a'],
    ['square brackets', '[https://example.com/a]', 'https://example.com/a'],
    ['angle brackets', '<https://example.com/a>', 'https://example.com/a'],
    ['stars', '**https://example.com/a**', 'https://example.com/a'],
    ['the end of a sentence', 'https://example.com/a.', 'https://example.com/a'],
    ['dots', 'https://example.com/a...', 'https://example.com/a'],
    ['a dash of a sentence', 'https://example.com/a—b', 'https://example.com/a'],
    ['a back tick', '`https://example.com/a`', 'https://example.com/a'],
    ['a back slash', 'https://example.com\\@evil.test', 'https://example.com'],
    ['a control character', 'https://example.com/a\u0007b', 'https://example.com/a'],
    ['a direction control', 'https://evil.test/\u202e/moc.knab//:sptth', 'https://evil.test/'],
    ['a filler', 'https://evil.test/\u3164x', 'https://evil.test/'],
    ['another script behind its host', 'https://example.comです', 'https://example.com'],
  ])('ends before %s', (_, content, address) => {
    expect(addresses(content)[0]).toBe(address);
  });

  it.each([
    'https://en.wikipedia.org/wiki/Foo_(bar)',
    'https://en.wikipedia.org/wiki/Foo_(bar)_(baz)',
    "https://en.wikipedia.org/wiki/Schindler's_List#Plot",
    'https://en.wikipedia.org/wiki/Michelson–Morley_experiment',
    'https://fr.wikipedia.org/wiki/L’Équipe',
    'https://ja.wikipedia.org/wiki/ジョン・レノン',
    'https://zh.wikipedia.org/wiki/中文#历史',
    'https://fa.wikipedia.org/wiki/می\u200cخواهم',
    'https://example.com/?q[]=1&b={c}',
    'https://example.com/a,b;c=d!e',
    "https://example.com/f('x')",
    'https://example.com:8080/a',
    'https://[::1]:8080/a',
    'https://paral·lel.cat/',
    'https://münchen.de/',
    'https://example.com',
    'HTTPS://EXAMPLE.COM/',
    'https://example.com/?a=1#b/c?d',
    'https://emojipedia.org/👩\u200d💻',
    'ftp://example.com/a',
    'www.example.com/a#b',
  ])('is %s as a whole, also in brackets', (address) => {
    expect(addresses(`x ${address} y`)).toEqual([address]);
    expect(addresses(`(${address})`)).toEqual([address]);
    expect(addresses(`（${address}）。`)).toEqual([address]);
  });

  it.each([
    ['several', 'https://a.b/x、https://c.d/y', ['https://a.b/x', 'https://c.d/y']],
    ['one behind a full stop without a space', 'Look.https://a.b/c', ['https://a.b/c']],
    ['one behind another script', '看https://a.b/c', ['https://a.b/c']],
    ['one in underscores', '_https://a.b/c_ x', ['https://a.b/c']],
    ['the whole of a longer scheme', 'git+https://a.b/c', ['git+https://a.b/c']],
    ['none without a host or path', 'https:// http://. ://a www.', []],
    ['none in a word', 'Awww.a.b', []],
  ])('may be %s', (_, content, expected) => {
    expect(addresses(content)).toEqual(expected);
  });

  it('holds no white space, control or direction control, whatever surrounds it', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 3 }),
      fc.constantFrom('https://a.b/', '(', ')', '\u202e'),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        for (const address of addresses(pieces.join(''))) {
          expect(address).not.toMatch(/[\s\p{Cc}\p{Bidi_Control}\p{Cs}]/u);
        }
      }),
    );
  });

  it('that is all of a text is found as a whole between any punctuation that can not be part of one', () => {
    const label = fc.stringMatching(/^[a-z]{1,8}$/);
    // Not to end in `_`, which is soft: `_https://a.b/c_` is an address that is emphasised.
    const path = fc.stringMatching(/^(?:[\w\-/=&%+]{0,11}[A-Za-z\d\-/=&%+])?$/);
    const around = fc.constantFrom(
      ['（', '）'],
      ['「', '」'],
      ['“', '”'],
      ['(', ')'],
      ['<', '>'],
      ['', '。'],
      ['', ', x'],
    );
    fc.assert(
      fc.property(label, label, path, around, (host, tld, rest, [open, close]) => {
        const address = `https://${host}.${tld}/${rest}`;
        expect(addresses(`${open}${address}${close}`)).toEqual([address]);
      }),
    );
  });
});

describe('the time that cutting takes', () => {
  const repeated = (piece: string, length: number) => piece.repeat(Math.ceil(length / piece.length)).slice(0, length);

  it.each([
    '#',
    '#a',
    '#a ',
    '#a·a',
    '#a\u200d',
    '#a·\u200d',
    '\u0301',
    'a\u0301#',
    '\u0301#',
    '://',
    'a://',
    '-.',
    'http://',
    'https://a.b/c ',
    'www.',
    'w',
    '.',
    '(',
    '()',
    '([{',
    '.,',
    "'",
    '_',
    '\u200d',
    '·',
    'https://a.',
    '＃あ～',
    '&#',
    '/#a',
  ])(
    'is not quadratic for a text of %j: one twenty times as long as a post can be is done with',
    { timeout: 10_000 },
    (piece) => {
      const long = repeated(piece, 70_000);
      const content = `${long} https://a/${long} #a${long}`;
      expect(
        tokenize(content)
          .map((token) => token.text)
          .join(''),
      ).toHaveLength(content.length);
    },
  );
});
