import { useTimeoutFn } from '@vueuse/core';
import { computed, type MaybeRefOrGetter, onScopeDispose, ref, shallowRef, toValue, watch } from 'vue';
import { isPostId, type Post } from '../../../contract/post.ts';
import { type PostEntry, usePosts } from '../streams/post-store.ts';

/** A post that was written a moment ago may not have arrived in the read model: that long, in ms, it may take. */
const ARRIVAL_MS = 2_000;

/** Follows the post with an id that may change. `post` keeps the last state of one that was deleted. */
export function useFollowedPost(id: MaybeRefOrGetter<string>) {
  const posts = usePosts();
  const entry = shallowRef<PostEntry>();
  const last = shallowRef<Post>();
  const mayStillArrive = ref(true);
  const arrival = useTimeoutFn(() => (mayStillArrive.value = false), ARRIVAL_MS, { immediate: false });
  let release: () => void = () => undefined;

  watch(
    () => toValue(id),
    (next) => {
      release();
      release = () => undefined;
      entry.value = undefined;
      last.value = undefined;
      if (!isPostId(next)) return;
      const followed = posts.follow(next.toLowerCase());
      entry.value = followed.entry;
      release = followed.release;
      mayStillArrive.value = true;
      arrival.start();
    },
    { immediate: true },
  );
  onScopeDispose(() => release());

  const view = computed(() => entry.value?.view.value);
  watch(
    view,
    (now) => {
      if (now?.kind === 'present') last.value = now.post;
    },
    { immediate: true },
  );

  return {
    post: computed(() => last.value),
    state: computed(() => {
      // What is no post's id the server does not even look for.
      if (!isPostId(toValue(id))) return 'absent';
      const kind = view.value?.kind ?? 'unknown';
      return kind === 'absent' && last.value === undefined && mayStillArrive.value ? 'unknown' : kind;
    }),
    problem: computed(() => entry.value?.problem.value),
  };
}
