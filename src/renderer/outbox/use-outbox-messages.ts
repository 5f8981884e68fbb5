import { onScopeDispose } from 'vue';
import { describeError } from '../http/api.ts';
import { useToasts } from '../feedback/toasts-store.ts';
import { postRoute } from '../routes.ts';
import { useOutbox } from './outbox-store.ts';
import { useEditEntry } from './use-edit-entry.ts';

/** Says what becomes of posts that were written here: one message for each, replaced as the news comes. */
export function useOutboxMessages(): void {
  const outbox = useOutbox();
  const editEntry = useEditEntry();
  const toasts = useToasts();

  const stop = outbox.onNews(({ entry, isInForm, ...news }) => {
    const key = entry.id;
    if (news.kind === 'posted') {
      toasts.show({ key, kind: 'done', text: 'Posted.', actions: [{ label: 'Show', to: postRoute(news.post.id) }] });
    } else if (news.kind === 'waiting' && isInForm) {
      toasts.show({
        key,
        kind: 'failed',
        text: 'Not sent yet.',
        detail: 'The server cannot be reached. The post waits in the outbox and is sent as soon as that changes.',
        actions: [
          { label: 'Try again', run: outbox.hurry },
          { label: 'Edit', run: () => editEntry(entry) },
        ],
      });
    } else if (news.kind === 'refused' && !isInForm) {
      // A form says so itself.
      toasts.show({
        key,
        kind: 'failed',
        text: 'The server does not take a post that waited here.',
        detail: describeError(news.error),
        actions: [{ label: 'Edit', run: () => editEntry(entry) }],
      });
    }
  });
  onScopeDispose(stop);
}
