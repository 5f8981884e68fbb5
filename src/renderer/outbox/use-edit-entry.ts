import { useComposer } from '../composer/composer-store.ts';
import { useOutbox } from './outbox-store.ts';
import type { OutboxEntry } from './outbox.ts';

/** Opens a post of the outbox in the form. It stays in the outbox, and is not sent, until a changed one replaces it. */
export function useEditEntry(): (entry: OutboxEntry) => void {
  const outbox = useOutbox();
  const composer = useComposer();
  return (entry) => {
    outbox.setAside(entry);
    composer.open({ text: { ...entry.post, subject: `outbox ${entry.id}` }, replaces: entry.id });
  };
}
