import { useTitle } from '@vueuse/core';
import { computed, type MaybeRefOrGetter, toValue } from 'vue';
import { withVisibleControls } from '../../../contract/direction.ts';

/** Names the page in the window's title. */
export function usePageTitle(title: MaybeRefOrGetter<string>): void {
  useTitle(computed(() => `${withVisibleControls(toValue(title))} · Tagwire`));
}
