import { describe, expect, it } from 'vitest';
import { NewPost } from '../../contract/post.ts';
import { tagsOf } from '../../contract/tags.ts';
import { postGenerator } from './random-post.ts';

describe('made-up posts', () => {
  const generate = postGenerator(7);
  const posts = Array.from({ length: 300 }, () => generate());

  it('are posts that the server takes, with one to three tags', () => {
    for (const post of posts) {
      expect(NewPost.parse(post)).toEqual(post);
      expect(tagsOf(post.content).length, post.content).toBeGreaterThanOrEqual(1);
      expect(tagsOf(post.content).length, post.content).toBeLessThanOrEqual(3);
    }
  });

  it('come in several scripts, as their tags do', () => {
    const all = posts.map(({ content }) => content).join(' ');
    const tags = posts.flatMap(({ content }) => tagsOf(content)).join(' ');
    for (const script of [/\p{Script=Latin}/u, /\p{Script=Hiragana}/u, /\p{Script=Han}/u, /\p{Script=Arabic}/u]) {
      expect(all).toMatch(script);
    }
    expect(tags).toMatch(/\p{Script=Han}/u);
    expect(tags).toMatch(/\p{Script=Arabic}/u);
  });

  it('have no place left to be filled in', () => {
    for (const { title, content } of posts) expect(title + content).not.toMatch(/[{}]|undefined/);
  });

  it('are the same for the same key, and others in between', () => {
    const [one, other, again] = ['key', 'another', 'key'].map((key) => generate(key));
    expect(again).toEqual(one);
    expect(other).not.toEqual(one);
    expect(generate()).not.toEqual(generate());
  });

  it('are the same for the same seed', () => {
    const posts20 = (seed: number) => {
      const next = postGenerator(seed);
      return Array.from({ length: 20 }, () => next());
    };
    const first = posts20(42);
    const second = posts20(42);
    expect(second).toEqual(first);
  });
});
