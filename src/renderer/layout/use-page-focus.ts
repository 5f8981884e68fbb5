import { nextTick } from 'vue';
import { useRouter } from 'vue-router';
import { useAnnouncer } from '../feedback/announcer-store.ts';

/**
 * After a change of page the focus goes to its heading, as it does in a browser that loads a page, and the page is
 * announced. Not where the page itself has put the focus into a field, nor when only the query changed.
 */
export function usePageFocus(main: () => HTMLElement | null): void {
  const router = useRouter();
  const announcer = useAnnouncer();
  router.afterEach(async (to, from) => {
    if (from.matched.length === 0 || to.path === from.path) return;
    await router.isReady();
    await nextTick();
    const area = main();
    if (area === null) return;
    if (to.meta.title !== undefined) announcer.announce(to.meta.title);
    if (area.contains(document.activeElement) && document.activeElement !== area) return;
    (area.querySelector<HTMLElement>('h1') ?? area).focus({ preventScroll: true });
  });
}
