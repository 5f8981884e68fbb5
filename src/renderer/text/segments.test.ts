import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tagsOf } from '../../../contract/tags.ts';
import { segmentsOf } from './segments.ts';

const links = (content: string) =>
  segmentsOf(content).flatMap((segment) => (segment.kind === 'link' ? [segment.href] : []));

describe('segmentsOf', () => {
  it('finds tags and addresses, and leaves the rest as text', () => {
    expect(segmentsOf('See https://go.dev/doc for #Golang!')).toEqual([
      { kind: 'text', text: 'See ' },
      { kind: 'link', text: 'https://go.dev/doc', shown: 'https://go.dev/doc', href: 'https://go.dev/doc' },
      { kind: 'text', text: ' for ' },
      { kind: 'tag', text: '#Golang', tag: 'golang' },
      { kind: 'text', text: '!' },
    ]);
  });

  it('leaves the punctuation around an address out of it', () => {
    expect(links('(https://a.example/x), https://b.example/y. https://c.example/z_(w)!')).toEqual([
      'https://a.example/x',
      'https://b.example/y',
      'https://c.example/z_(w)',
    ]);
  });

  it.each([
    'javascript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    'https://user:pass@evil.example/',
    'https://',
    'https:///evil.example/',
    'https://user@evil.example/',
    'https://bank.example:80@evil.example/',
    'ftp://a.example/',
    'www.a.example',
  ])('makes no link of %s', (content) => {
    expect(links(content)).toEqual([]);
  });

  it.each([
    ['https://example.com。你好', 'https://example.com/'],
    ['（https://example.com/a）', 'https://example.com/a'],
    ['「https://example.com/a」と', 'https://example.com/a'],
    ['(https://en.wikipedia.org/wiki/Foo_(bar))', 'https://en.wikipedia.org/wiki/Foo_(bar)'],
    ["https://en.wikipedia.org/wiki/Schindler's_List#Plot", "https://en.wikipedia.org/wiki/Schindler's_List#Plot"],
    ['https://evil.test/\u202e/moc.knab//:sptth', 'https://evil.test/'],
  ])('leads from %j to %s', (content, href) => {
    expect(links(content)).toEqual([href]);
  });

  it('shows where a link leads, not what its host looks like', () => {
    const [link] = segmentsOf('https://аррӏе.com:8080/аррӏе?a#b');
    expect(link).toMatchObject({ kind: 'link', shown: 'https://xn--80ak6aa92e.com:8080/аррӏе?a#b' });
  });

  it('never makes a link of a part of a tag, nor a tag of a part of a link', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('https://a.b/c', '#tag', '/', '#', '(', ')', ' ', '。', 'x', "'", '://')),
        (all) => {
          const segments = segmentsOf(all.join(''));
          const written = segments
            .filter(({ kind }) => kind === 'tag')
            .map((segment) => 'tag' in segment && segment.tag);
          expect(new Set(written)).toEqual(new Set(tagsOf(all.join(''))));
          for (const segment of segments) if (segment.kind === 'link') expect(tagsOf(segment.text)).toEqual([]);
        },
      ),
    );
  });

  it('never loses or invents a character, and links nowhere but to the web', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('https://a.b/c', '#tag', '(http://x.y)', ' ', '"', 'HTTPS://X.Y/', 'javascript:', '\r\n'),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const content = pieces.join('');
        const segments = segmentsOf(content);
        expect(segments.map((segment) => segment.text).join('')).toBe(content);
        for (const segment of segments) {
          if (segment.kind === 'link') expect(segment.href).toMatch(/^https?:\/\//);
        }
      }),
    );
  });
});
