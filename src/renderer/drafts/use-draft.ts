import { tryOnScopeDispose, useDebounceFn, useEventListener } from '@vueuse/core';
import { inject, type InjectionKey, reactive, watch } from 'vue';
import type { Draft, DraftStorage } from './draft-storage.ts';

export const draftStorageKey: InjectionKey<DraftStorage> = Symbol('draft storage');

const SAVE_AFTER_MS = 200;

/**
 * Fields of a form that are kept until they are cleared, whatever happens to the window. `initial` is what the
 * form starts with where no draft is.
 */
export function useDraft(subject: string, initial: Omit<Draft, 'savedAt'>) {
  const storage = inject(draftStorageKey);
  if (storage === undefined) throw new Error('useDraft() needs an app that provides draftStorageKey');
  const found = storage.read(subject);
  const fields = reactive<Omit<Draft, 'savedAt'>>({
    title: found?.title ?? initial.title,
    content: found?.content ?? initial.content,
    base: found?.base ?? initial.base,
  });
  let isUnsaved = false;

  function save(): void {
    if (!isUnsaved || storage === undefined) return;
    isUnsaved = false;
    const isPristine = fields.title === (fields.base?.title ?? '') && fields.content === (fields.base?.content ?? '');
    if (isPristine) storage.remove(subject);
    else storage.write(subject, { ...fields, savedAt: Date.now() });
  }

  const saveSoon = useDebounceFn(save, SAVE_AFTER_MS);
  const stop = watch(
    fields,
    () => {
      isUnsaved = true;
      void saveSoon();
    },
    // Before anything else can happen: a key press and a crash 10 ms later should lose one letter, not a word.
    { flush: 'sync' },
  );
  useEventListener(window, 'pagehide', save);
  tryOnScopeDispose(save);

  return {
    fields,
    /** True when the fields are those of an earlier window or page. */
    isRestored: found !== undefined,
    /** Forgets the draft: it was sent, or thrown away. */
    forget(): void {
      stop();
      isUnsaved = false;
      storage.remove(subject);
    },
  };
}
