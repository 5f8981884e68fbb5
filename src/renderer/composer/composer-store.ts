import { defineStore } from 'pinia';
import { ref, shallowRef } from 'vue';

export type ComposerText = { readonly title: string; readonly content: string; readonly author?: string };

/** How the form for a new post begins. */
export type ComposerStart = {
  /** The feed that was on screen: its tag is put into an empty form. */
  readonly tag?: string;
  /** A text that was written before, with a draft of its own, so that it takes no other's place. */
  readonly text?: ComposerText & { readonly subject: string };
  /** The outbox entry that it was: gone from there once the new post is on its way. */
  readonly replaces?: string;
};

/** The one form for new posts in this window. */
export const useComposer = defineStore('composer', () => {
  const isOpen = ref(false);
  const start = shallowRef<ComposerStart>({});

  function open(next: ComposerStart = {}): void {
    start.value = next;
    isOpen.value = true;
  }

  return { isOpen, start, open, close: () => (isOpen.value = false) };
});
