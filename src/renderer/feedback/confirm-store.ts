import { defineStore } from 'pinia';
import { shallowRef } from 'vue';

export type Question = { readonly title: string; readonly text: string; readonly action: string };

/** Asks before something is done that cannot be undone. */
export const useConfirm = defineStore('confirm', () => {
  const question = shallowRef<Question>();
  let answer: ((yes: boolean) => void) | undefined;

  function ask(next: Question): Promise<boolean> {
    answer?.(false);
    question.value = next;
    return new Promise((resolve) => (answer = resolve));
  }

  function reply(yes: boolean): void {
    answer?.(yes);
    answer = undefined;
    question.value = undefined;
  }

  return { question, ask, reply };
});
