import { watch } from 'vue';
import { need } from '../context.ts';
import { useToasts } from '../feedback/toasts-store.ts';
import { keptKey, type StorageTrouble } from './kept-storage.ts';

const SENTENCES: Record<StorageTrouble, string> = {
  denied: 'Allow this address to keep data in the settings of your browser.',
  full: 'Free some room on the disk, or clear the data of this address in the settings of your browser.',
};

/** Says, once, that this window keeps nothing beyond its own life. */
export function useStorageTrouble(): void {
  const { trouble } = need(keptKey);
  const toasts = useToasts();
  watch(
    trouble,
    (what) => {
      if (what === undefined) return;
      const text = 'Nothing can be kept here: drafts, unsent posts and settings last until this window is closed.';
      toasts.show({ key: 'storage', kind: 'failed', text, detail: SENTENCES[what] });
    },
    { immediate: true },
  );
}
