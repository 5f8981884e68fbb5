import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { isBlank, LIMITS, MAX_TAGS, NewPost, PostPatch } from './post.ts';

const VALID = { title: 'A title', content: 'Some words', author: 'Ada' };

describe('a new post', () => {
  it('is taken as it is', () => {
    expect(NewPost.parse(VALID)).toEqual(VALID);
  });

  it('may leave out its title', () => {
    expect(NewPost.parse({ content: 'Some words', author: 'Ada' })).toEqual({ ...VALID, title: '' });
  });

  it('may have a title and no content', () => {
    expect(NewPost.parse({ title: 'A title', author: 'Ada' })).toEqual({ ...VALID, content: '' });
  });

  it('keeps white space at its ends, and any Unicode form', () => {
    const post = { title: ' e\u0301 ', content: '\r\n\t é 😀\u2028 ', author: ' Ada ' };
    expect(NewPost.parse(post)).toEqual(post);
  });

  it('loses fields that it does not know', () => {
    expect(NewPost.parse({ ...VALID, id: 'mine', version: 7 })).toEqual(VALID);
  });

  it.each([
    ['title', LIMITS.title],
    ['content', LIMITS.content],
    ['author', LIMITS.author],
  ])('may have a %s of %i characters, however many bytes they take', (field, limit) => {
    expect(NewPost.safeParse({ ...VALID, [field]: '😀'.repeat(limit) }).success).toBe(true);
  });

  it.each([
    ['title', LIMITS.title],
    ['content', LIMITS.content],
    ['author', LIMITS.author],
  ])('is refused, with the number, for a longer %s', (field, limit) => {
    expect(complaintsOf(NewPost, { ...VALID, [field]: '😀'.repeat(limit + 1) })).toEqual([
      [field, `has ${limit + 1} characters; at most ${limit} are allowed`],
    ]);
  });

  it('counts an emoji of several characters as those', () => {
    const family = '👨‍👩‍👧‍👦'; // seven code points
    const complaints = complaintsOf(NewPost, { ...VALID, author: family.repeat(15) });
    expect(complaints).toEqual([['author', 'has 105 characters; at most 100 are allowed']]);
  });

  it('may have as many hashtags as there may be, however often, and no more', () => {
    const tags = (count: number) => Array.from({ length: count }, (_, n) => `#tag${n}`).join(' ');
    expect(NewPost.safeParse({ ...VALID, content: `${tags(MAX_TAGS)} ${tags(MAX_TAGS)}` }).success).toBe(true);
    for (const schema of [NewPost, PostPatch]) {
      expect(complaintsOf(schema, { ...VALID, content: tags(MAX_TAGS + 1) })).toEqual([
        ['content', 'has 31 hashtags; at most 30 are allowed'],
      ]);
    }
  });

  it.each(['title', 'content', 'author'])('is refused for half a character in its %s', (field) => {
    const complaints = complaintsOf(NewPost, { ...VALID, [field]: 'a\ud83d' });
    expect(complaints).toEqual([[field, expect.stringContaining('well-formed Unicode')]]);
  });

  it.each(['title', 'content', 'author'])('is refused for a NUL in its %s', (field) => {
    expect(complaintsOf(NewPost, { ...VALID, [field]: 'a\0b' })).toEqual([
      [field, 'must not contain the NUL character'],
    ]);
  });

  it.each(['title', 'author'])('is refused for a line break of any kind in its %s', (field) => {
    for (const end of ['\n', '\r', '\r\n', '\v', '\f', '\u0085', '\u2028', '\u2029']) {
      const complaints = complaintsOf(NewPost, { ...VALID, [field]: `a${end}b` });
      expect(complaints).toEqual([[field, 'must be a single line']]);
    }
  });

  it.each(['\u202e', '\u202a', '\u2067', '\u2069'])(
    'is refused, by its code, for a %j in its title or author',
    (control) => {
      for (const field of ['title', 'author']) {
        const complaints = complaintsOf(NewPost, { ...VALID, [field]: `${control}ecilA` });
        expect(complaints).toEqual([[field, expect.stringContaining('direction control U+2')]]);
      }
      expect(NewPost.safeParse({ ...VALID, content: `${control}a` }).success).toBe(true);
    },
  );

  it.each(['\u200e', '\u200f', '\u061c'])(
    'may have a %j in its title, as Hebrew and Arabic need, but not in its author',
    (mark) => {
      expect(NewPost.safeParse({ ...VALID, title: `C++${mark}` }).success).toBe(true);
      expect(complaintsOf(NewPost, { ...VALID, author: `Ada${mark}` }).map(([field]) => field)).toEqual(['author']);
    },
  );

  it.each([
    ['not there', undefined],
    ['empty', ''],
    ['blank', ' \u200b'],
    ['null', null],
    ['a number', 7],
  ])('is refused when its author is %s', (_, author) => {
    expect(complaintsOf(NewPost, { ...VALID, author }).map(([field]) => field)).toEqual(['author']);
  });

  it('is refused when one can see neither title nor content', () => {
    expect(complaintsOf(NewPost, { ...VALID, title: ' ', content: '\n\u2060' })).toEqual([
      ['content', 'must not be empty when the title is empty too'],
    ]);
  });

  it('is told of all its wrong fields at once', () => {
    const complaints = complaintsOf(NewPost, { title: 7, content: 'a\0', author: '' });
    expect(complaints.map(([field]) => field).sort()).toEqual(['author', 'content', 'title']);
  });

  it.each([[null], [undefined], ['text'], [[]], [7]])('is not %j', (value) => {
    expect(NewPost.safeParse(value).success).toBe(false);
  });
});

describe('a patch of a post', () => {
  it.each([[{}], [{ title: '' }], [{ content: 'New' }], [{ id: 'p1', title: 'New', content: 'New' }]])(
    'may be %j',
    (patch) => {
      expect(PostPatch.parse(patch)).toEqual(patch);
    },
  );

  it('can not change the author', () => {
    expect(PostPatch.parse({ title: 'New', author: 'Eve' })).toEqual({ title: 'New' });
  });

  it.each([
    ['title', { title: 'a\nb' }],
    ['title', { title: '\u202eeltit A' }],
    ['title', { title: 'x'.repeat(LIMITS.title + 1) }],
    ['content', { content: 'x'.repeat(LIMITS.content + 1) }],
    ['content', { content: null }],
    ['id', { id: 7 }],
  ])('is refused for its %s in %j', (field, patch) => {
    expect(complaintsOf(PostPatch, patch).map(([name]) => name)).toEqual([field]);
  });
});

describe('a blank text', () => {
  it.each([[''], [' \t\r\n'], ['\u3000\u00a0'], ['\u200b\u2060\ufeff'], ['\u3164\u2800'], ['\u0001']])(
    'is %j',
    (text) => {
      expect(isBlank(text)).toBe(true);
    },
  );

  it.each([['a'], [' . '], ['😀'], ['\u200bа']])('is not %j', (text) => {
    expect(isBlank(text)).toBe(false);
  });
});

/** Field and message of each complaint. */
function complaintsOf(schema: z.ZodType, value: unknown): [string, string][] {
  const { error } = schema.safeParse(value);
  return (error?.issues ?? []).map(({ path, message }) => [path.join('.'), message]);
}
