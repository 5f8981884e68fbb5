import { defineStore } from 'pinia';
import { type ShallowRef, shallowRef } from 'vue';
import type { Post, PostPatch } from '../../../contract/post.ts';
import { PostState, postStream } from '../../../contract/streams.ts';
import { apiKey, liveKey, need } from '../context.ts';
import { postState, type PostView, UNKNOWN_POST } from './post-view.ts';

/** A post that is followed; `problem` says, for people, why it cannot be. */
export type PostEntry = {
  readonly view: ShallowRef<PostView>;
  readonly problem: ShallowRef<string | undefined>;
};

/** Posts of own writes that are remembered, so that their pages show at once. */
const KEPT = 20;

/** The posts that this window follows, each once, and what is done to posts. */
export const usePosts = defineStore('posts', () => {
  const api = need(apiKey);
  const live = need(liveKey);
  const own = new Map<string, Post>();
  const followed = new Map<string, PostEntry & { users: number; close: () => void }>();

  /** Follows a post until the function it returns beside is called. */
  function follow(id: string): { readonly entry: PostEntry; readonly release: () => void } {
    let known = followed.get(id);
    if (known === undefined) {
      const view = shallowRef<PostView>(UNKNOWN_POST);
      const problem = shallowRef<string>();
      const written = own.get(id);
      if (written !== undefined) view.value = postState(view.value, written.version, written);
      const take = (version: number, state: unknown) => {
        const post = PostState.safeParse(state);
        if (post.success) view.value = postState(view.value, version, post.data);
        problem.value = post.success ? undefined : 'The server sent a post that this app does not understand.';
      };
      const close = live.open(postStream(id), {
        snapshot: take,
        change: (_from, version, state) => take(version, state),
        problem: (detail) => (problem.value = detail),
      });
      known = { view, problem, users: 0, close };
      followed.set(id, known);
    }
    const entry = known;
    entry.users += 1;
    let isReleased = false;
    return {
      entry,
      release() {
        if (isReleased) return;
        isReleased = true;
        entry.users -= 1;
        if (entry.users > 0) return;
        entry.close();
        followed.delete(id);
      },
    };
  }

  /** Takes the answer to an own write, which is ahead of the streams for a moment. */
  function wrote(post: Post): void {
    own.delete(post.id);
    own.set(post.id, post);
    if (own.size > KEPT) own.delete(own.keys().next().value as string);
    const entry = followed.get(post.id);
    if (entry !== undefined) entry.view.value = postState(entry.view.value, post.version, post);
  }

  async function save(post: Post, patch: PostPatch, version: number) {
    const result = await api.update(post.id, version, patch);
    if (result.ok) wrote(result.value);
    return result;
  }

  async function remove(id: string) {
    const result = await api.remove(id);
    if (result.ok) own.delete(id);
    return result;
  }

  async function generate(key: string) {
    const result = await api.generate(key);
    if (result.ok) wrote(result.value);
    return result;
  }

  return { follow, wrote, save, remove, generate, read: api.post, history: api.history };
});
