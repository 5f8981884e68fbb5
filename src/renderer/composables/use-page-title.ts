import { useTitle } from '@vueuse/core';
import { computed, type MaybeRefOrGetter, toValue } from 'vue';

/** Names the page in the window's title. */
export function usePageTitle(title: MaybeRefOrGetter<string>): void {
  useTitle(computed(() => `${toValue(title)} · Tagwire`));
}
