import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutPage, decodeCursor, encodeCursor, pageLimit } from './cursor.ts';
import { at } from './read-model.fixtures.ts';
import { InvalidCursor } from './read-model.ts';

describe('a cursor', () => {
  it('leads back to the position that it was made of, and is safe in a URL', () => {
    fc.assert(
      fc.property(fc.constantFrom('posts', 'feeds'), fc.string(), fc.string({ unit: 'grapheme' }), (kind, time, id) => {
        const cursor = encodeCursor(kind, { at: time, id });
        expect(decodeCursor(kind, cursor)).toEqual({ at: time, id });
        expect(cursor).toBe(encodeURIComponent(cursor));
      }),
    );
  });

  it('is refused by a list of another kind', () => {
    expect(() => decodeCursor('feeds', encodeCursor('posts', { at: 'a', id: 'b' }))).toThrow(InvalidCursor);
  });

  it('is refused, and nothing worse, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json().map((json) => Buffer.from(json).toString('base64url')),
        ),
        (cursor) => {
          try {
            decodeCursor('posts', cursor);
          } catch (error) {
            expect(error).toBeInstanceOf(InvalidCursor);
          }
        },
      ),
    );
  });
});

describe('a page', () => {
  const position = (n: number) => ({ at: at(n), id: String(n) });

  it('has a next one when more was read than it holds', () => {
    const { entries, next } = cutPage('posts', 2, [3, 2, 1], position);
    expect(entries).toEqual([3, 2]);
    expect(decodeCursor('posts', next ?? '')).toEqual(position(2));
  });

  it('ends sooner where its entries are long, and has one at least', () => {
    const long = (n: number) => n * 400_000;
    expect(cutPage('posts', 5, [1, 1, 1, 1], position, long).entries).toEqual([1, 1]);
    expect(cutPage('posts', 5, [9, 1], position, long).entries).toEqual([9]);
    expect(decodeCursor('posts', cutPage('posts', 5, [9, 1], position, long).next ?? '')).toEqual(position(9));
    expect(cutPage('posts', 5, [2], position, long)).toEqual({ entries: [2], next: null });
  });

  it('is the last when nothing is left', () => {
    expect(cutPage('posts', 2, [2, 1], position)).toEqual({ entries: [2, 1], next: null });
    expect(cutPage('posts', 2, [], position)).toEqual({ entries: [], next: null });
  });

  it.each([
    [undefined, 50],
    [Number.NaN, 50],
    [0, 1],
    [-5, 1],
    [7.9, 7],
    [1e9, 1000],
    [Infinity, 1000],
  ])('of %s is one of %i', (asked, size) => {
    expect(pageLimit(asked, 50)).toBe(size);
  });
});
