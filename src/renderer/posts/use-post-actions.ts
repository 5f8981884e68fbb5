import { useRouter } from 'vue-router';
import { isolated } from '../../../contract/direction.ts';
import type { Post } from '../../../contract/post.ts';
import { describeError } from '../http/api.ts';
import { useConfirm } from '../feedback/confirm-store.ts';
import { useToasts } from '../feedback/toasts-store.ts';
import { postRoute } from '../routes.ts';
import { usePosts } from '../streams/post-store.ts';

/** What can be done to a post from a feed and from its page. */
export function usePostActions() {
  const posts = usePosts();
  const confirm = useConfirm();
  const toasts = useToasts();
  const router = useRouter();

  /** Deletes after a question; true when it is done. */
  async function remove(post: Post): Promise<boolean> {
    const name = post.title ? `“${isolated(post.title)}”` : `this post by ${isolated(post.author)}`;
    const feeds = post.tags.length === 1 ? '1 feed' : `${post.tags.length} feeds`;
    const yes = await confirm.ask({
      title: 'Delete this post?',
      text: `Deletes ${name} with its history, for everyone${post.tags.length > 0 ? `, from ${feeds}` : ''}. It cannot be brought back.`,
      action: 'Delete post',
    });
    if (!yes) return false;
    const result = await posts.remove(post.id);
    const isGone = result.ok || (result.error.kind === 'refused' && result.error.problem.status === 404);
    if (isGone) {
      toasts.show({ kind: 'done', text: 'Deleted.' });
      return true;
    }
    toasts.show({
      kind: 'failed',
      text: 'The post was not deleted.',
      detail: describeError(result.error),
      actions: [{ label: 'Try again', run: () => void remove(post) }],
    });
    return false;
  }

  async function copyLink(post: Post): Promise<void> {
    const url = new URL(router.resolve(postRoute(post.id)).href, document.baseURI).href;
    try {
      await navigator.clipboard.writeText(url);
      toasts.show({ kind: 'done', text: 'The link is in the clipboard.' });
    } catch {
      toasts.show({ kind: 'info', text: 'The clipboard cannot be used here. The link is:', detail: url });
    }
  }

  return { remove, copyLink };
}
