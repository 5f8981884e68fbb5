import { defineStore } from 'pinia';
import { ref, shallowRef } from 'vue';

export type ComposerText = { readonly title: string; readonly content: string; readonly author?: string };

/** The one form for new posts in this window: from where it was opened, and with what. */
export const useComposer = defineStore('composer', () => {
  const isOpen = ref(false);
  /** The feed that was on screen: its tag is put into an empty form. */
  const tag = ref<string>();
  /** A text to begin with, in place of the draft: a post that comes back from the outbox. */
  const text = shallowRef<ComposerText>();

  function open(start: { tag?: string; text?: ComposerText } = {}): void {
    tag.value = start.tag;
    text.value = start.text;
    isOpen.value = true;
  }

  return { isOpen, tag, text, open, close: () => (isOpen.value = false) };
});
