import type { Post } from '../../../contract/post.ts';

/** A post as one window has it: not known yet, there, or not there (deleted, or never was). */
export type PostView =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'present'; readonly post: Post }
  | { readonly kind: 'absent'; readonly version: number };

export const UNKNOWN_POST: PostView = { kind: 'unknown' };

/**
 * Takes a state of the post with its version, from the stream or from the answer to an own request. What is
 * older than what is shown is a no-op: after an own edit the stream may lag behind the answer for a moment.
 */
export function postState(view: PostView, version: number, post: Post | null): PostView {
  if (version < versionOf(view)) return view;
  if (post === null) return view.kind === 'absent' && view.version === version ? view : { kind: 'absent', version };
  return view.kind === 'present' && view.post.version === post.version ? view : { kind: 'present', post };
}

function versionOf(view: PostView): number {
  if (view.kind === 'unknown') return -1;
  return view.kind === 'present' ? view.post.version : view.version;
}
