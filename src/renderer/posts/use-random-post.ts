import { v4 as uuid } from 'uuid';
import { ref } from 'vue';
import { describeError } from '../http/api.ts';
import { useToasts } from '../feedback/toasts-store.ts';
import { postRoute } from '../routes.ts';
import { usePosts } from '../streams/post-store.ts';

/** Adds a made-up post, and says which. */
export function useRandomPost() {
  const posts = usePosts();
  const toasts = useToasts();
  const isBusy = ref(false);

  async function postRandom(key = uuid()): Promise<void> {
    if (isBusy.value) return;
    isBusy.value = true;
    const result = await posts.generate(key);
    isBusy.value = false;
    if (result.ok) {
      const { id, author, tags } = result.value;
      toasts.show({
        kind: 'done',
        text: `${author} posted to ${tags.map((tag) => `#${tag}`).join(' ')}`,
        actions: [{ label: 'Show', to: postRoute(id) }],
      });
      return;
    }
    toasts.show({
      kind: 'failed',
      text: 'No random post was added.',
      detail: describeError(result.error),
      actions: [{ label: 'Try again', run: () => void postRandom(key) }],
    });
  }

  return { isBusy, postRandom: () => postRandom() };
}
