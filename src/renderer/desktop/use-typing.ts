import { type MaybeRefOrGetter, onScopeDispose, toValue, watch } from 'vue';
import { useDesktop } from './desktop-store.ts';

/** Tells the desktop app while this form holds text that was not sent: then it does not restart for an update. */
export function useTyping(hasText: MaybeRefOrGetter<boolean>): void {
  const desktop = useDesktop();
  const form = Symbol('form');
  watch(
    () => toValue(hasText),
    (typing) => desktop.setTyping(form, typing),
    { immediate: true },
  );
  onScopeDispose(() => desktop.setTyping(form, false));
}
