import { expect, it } from 'vitest';
import { aPost } from './read-model.fixtures.ts';
import { postTerms, termsOf } from './search-terms.ts';

it.each([
  ['Hello, World! hello', ['hello', 'world']],
  ['#golang', ['golang']],
  ["don't 3.14 foo_bar", ["don't", '3.14', 'foo_bar']],
  ['E\u0301TE\u0301', ['été']],
  ['发布会很好', ['发布', '会', '很好']],
  ['สวัสดีชาวโลก', ['สวัสดี', 'ชาว', 'โลก']],
  ['🎉 — … !', []],
  ['می\u200cخواهم', ['میخواهم']],
  ['foo\u034fbar \u200ebaz', ['foobar', 'baz']],
  ['', []],
])('cuts %j into %j', (text, terms) => {
  expect(termsOf(text)).toEqual(terms);
});

it('cuts words at 64 characters, not in the middle of one', () => {
  expect(termsOf('x'.repeat(100))).toEqual(['x'.repeat(64)]);
  expect(termsOf('𐐨'.repeat(100))).toEqual(['𐐨'.repeat(64)]);
});

it('finds a post by title, content, author and tags', () => {
  const terms = postTerms(aPost('p', ['some_tag'], { title: 'One', content: 'two', author: 'Three' }));
  expect(terms).toEqual(['one', 'two', 'three', 'some_tag']);
});
