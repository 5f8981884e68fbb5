import { describe, expect, it } from 'vitest';
import type { Post } from '../../../contract/post.ts';
import { baseOf, isOvertaken, resolve } from './edit-session.ts';

const post = (over: Partial<Post> = {}): Post => ({
  id: 'p',
  version: 1,
  title: 'Lunch',
  content: 'At noon in the park',
  author: 'Ada',
  tags: [],
  createdAt: '2026-01-01T00:00:00.000Z',
  editedAt: null,
  ...over,
});

describe('an edit', () => {
  const base = baseOf(post());

  it('is overtaken when somebody else saves another text', () => {
    expect(isOvertaken(base, post())).toBe(false);
    expect(isOvertaken(base, post({ version: 2, content: 'At one' }))).toBe(true);
  });

  it('is not overtaken by a version that has the same text', () => {
    expect(isOvertaken(base, post({ version: 2 }))).toBe(false);
  });

  const mine = { title: 'Lunch!', content: 'At one in the park' };
  const theirs = post({ version: 2, content: 'At noon in the garden' });

  it.each([
    ['theirs', { title: 'Lunch', content: 'At noon in the garden' }],
    ['mine', mine],
    ['merge', { title: 'Lunch!', content: 'At one in the garden' }],
  ] as const)('goes on with %s', (how, text) => {
    expect(resolve(how, base, mine, theirs)).toEqual(text);
  });
});
