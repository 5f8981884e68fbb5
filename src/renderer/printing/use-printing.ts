import { createSharedComposable, tryOnScopeDispose, useEventListener, useMediaQuery } from '@vueuse/core';
import { computed, ref } from 'vue';

/** Loads all of a list that is not loaded yet, for paper. */
type Load = () => Promise<void>;

/**
 * On paper a list is drawn as a whole. The browser's own menu prints what is loaded; Ctrl+P (⌘P) loads the rest first,
 * and prints in the desktop app too.
 */
export const usePrinting = createSharedComposable(() => {
  const isOpen = ref(false);
  const isPaper = useMediaQuery('print');
  const loads = new Set<Load>();
  let isLoading = false;

  // Vue draws once these have run, before the browser makes the pages.
  useEventListener(window, 'beforeprint', () => (isOpen.value = true));
  useEventListener(window, 'afterprint', () => (isOpen.value = false));
  useEventListener(document, 'keydown', (event: KeyboardEvent) => {
    if (!isPrintKey(event) || event.defaultPrevented) return;
    event.preventDefault();
    void print();
  });

  async function print(): Promise<void> {
    if (isLoading) return;
    isLoading = true;
    await Promise.all([...loads].map((load) => load()));
    isLoading = false;
    window.print();
  }

  return {
    isPrinting: computed(() => isOpen.value || isPaper.value),
    /** Adds a list, for as long as its component lives. */
    add(load: Load): void {
      loads.add(load);
      tryOnScopeDispose(() => void loads.delete(load));
    },
  };
});

function isPrintKey({ key, code, ctrlKey, metaKey, altKey, shiftKey }: KeyboardEvent): boolean {
  const isLetter = /^[\x21-\x7e]$/.test(key) ? key.toLowerCase() === 'p' : code === 'KeyP';
  return isLetter && (ctrlKey || metaKey) && !altKey && !shiftKey;
}
