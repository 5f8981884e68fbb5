import type { Post } from '../../../contract/post.ts';
import { mergeEdits } from '../text/merge.ts';

/** The text that an edit began from, and the version that a save will replace. */
export type EditBase = { readonly version: number; readonly title: string; readonly content: string };
export type EditText = { readonly title: string; readonly content: string };

/** What to do when somebody else saved the post meanwhile. */
export type Resolution = 'theirs' | 'mine' | 'merge';

export function baseOf(post: Post): EditBase {
  return { version: post.version, title: post.title, content: post.content };
}

/** True when the post has moved on since the edit began, to another text. */
export function isOvertaken(base: EditBase, post: Post): boolean {
  return post.version > base.version && (post.title !== base.title || post.content !== base.content);
}

/** The text to go on with. In each case the next save replaces the post as it is now. */
export function resolve(how: Resolution, base: EditBase, mine: EditText, theirs: EditText): EditText {
  if (how === 'theirs') return { title: theirs.title, content: theirs.content };
  if (how === 'mine') return { title: mine.title, content: mine.content };
  return {
    title: mergeLine(base.title, mine.title, theirs.title),
    content: mergeEdits(base.content, mine.content, theirs.content).text,
  };
}

/** A title is short: two different new ones are not woven into each other; mine stays. */
function mergeLine(base: string, mine: string, theirs: string): string {
  return mine === base ? theirs : mine;
}
