import { postTerms } from '../../../server/feeds/search-terms.ts';
import type { NewPost, Post } from '../../../contract/post.ts';
import { tagsOf } from '../../../contract/tags.ts';

/** The feeds of the benchmark; every post is in two of them, so each feed holds a tenth of all posts. */
export const TAGS = Array.from({ length: 20 }, (_, index) => `bench${String.fromCharCode(97 + index)}`);

const FIRST_CREATED = Date.UTC(2024, 0, 1);

/** The `n`th post that somebody writes: a few words, about 150 characters. */
export function benchPost(n: number): NewPost {
  const [one, two] = tagsOfPost(n);
  return {
    title: `Note ${n}`,
    content: `The build is green again and went out this morning, number ${n}; who takes the next one? #${one} and #${two}`,
    author: 'Ada Lovelace',
  };
}

/** The `n`th of the posts that were there before: a second after the one before it, ids in order, as UUIDs version 7. */
export function oldPost(n: number): Post {
  const { title = '', content = '', author } = benchPost(n);
  return {
    id: `01800000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`,
    version: 1,
    title,
    content,
    author,
    tags: tagsOfPost(n),
    createdAt: new Date(FIRST_CREATED + n * 1_000).toISOString(),
    editedAt: null,
  };
}

/** `postTerms(oldPost(n))`, without cutting the same words a million times. */
export function oldTerms(n: number): string[] {
  const [one = '', two = ''] = tagsOfPost(n);
  return TEMPLATE.map((term) => ({ '0': String(n), [FIRST_ONE]: one, [FIRST_TWO]: two })[term] ?? term);
}

/** How many of the first `count` old posts are in a feed. */
export function oldPostsIn(tag: string, count: number): number {
  let posts = 0;
  for (let n = 0; n < count; n += 1) if (tagsOfPost(n).includes(tag)) posts += 1;
  return posts;
}

/** Throws where the short cuts of this file lead elsewhere than the server's own functions. */
export function checkOldPosts(count: number): void {
  for (const n of [0, 1, 19, 20, 399, 400, 12_345, count - 1].filter((n) => n >= 0 && n < count)) {
    const post = oldPost(n);
    if (String(tagsOf(post.content)) !== String(post.tags)) throw new Error(`Old post ${n} has other tags`);
    if (String(postTerms(post).sort()) !== String(oldTerms(n).sort())) throw new Error(`Old post ${n} has other terms`);
  }
}

function tagsOfPost(n: number): string[] {
  const one = n % TAGS.length;
  const two = (one + 1 + (Math.floor(n / TAGS.length) % (TAGS.length - 1))) % TAGS.length;
  return [TAGS[one] ?? '', TAGS[two] ?? ''];
}

const [FIRST_ONE = '', FIRST_TWO = ''] = tagsOfPost(0);
const TEMPLATE = postTerms(oldPost(0));
