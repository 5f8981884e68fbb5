import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { segmentsOf } from './segments.ts';

const links = (content: string) =>
  segmentsOf(content).flatMap((segment) => (segment.kind === 'link' ? [segment.href] : []));

describe('segmentsOf', () => {
  it('finds tags and addresses, and leaves the rest as text', () => {
    expect(segmentsOf('See https://go.dev/doc for #Golang!')).toEqual([
      { kind: 'text', text: 'See ' },
      { kind: 'link', text: 'https://go.dev/doc', href: 'https://go.dev/doc' },
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
  ])('makes no link of %s', (content) => {
    expect(links(content)).toEqual([]);
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
