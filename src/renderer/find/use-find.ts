import { useMutationObserver } from '@vueuse/core';
import { computed, onScopeDispose, ref, shallowRef, type Ref, watch } from 'vue';
import { useLongLists } from './find-store.ts';
import { createFinder, isSame, type Hit } from './hits.ts';

/**
 * Looks for a text in the posts of the page, those that are not drawn included. The focus stays where it is: hits are
 * marked by the CSS Custom Highlight API (`::highlight(find)`), which changes neither the document nor the selection.
 */
export function useFind(page: Readonly<Ref<HTMLElement | null>>, isOpen: Readonly<Ref<boolean>>) {
  const { lists } = useLongLists();
  const findHits = createFinder();
  const query = ref('');
  const hits = shallowRef<readonly Hit[]>([]);
  const current = shallowRef<Hit>();
  /** The current hit is to be on screen as soon as its list has drawn it. */
  let isAwaited = false;
  let frame = 0;

  /** Looks again, and stays at the current hit, or where it was. */
  function refresh(): void {
    const root = isOpen.value ? page.value : null;
    const before = current.value;
    const index = before === undefined ? -1 : hits.value.indexOf(before);
    hits.value = root === null ? [] : findHits(root, query.value, lists);
    const same = before && hits.value.find((hit) => isSame(hit, before));
    current.value = same ?? hits.value[Math.min(index, hits.value.length - 1)];
    if (isAwaited && current.value?.drawn !== undefined) show(current.value);
    mark(hits.value, current.value);
  }

  /** At most once a frame, however much the page changes. */
  function refreshSoon(): void {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(refresh);
  }

  function goTo(hit: Hit | undefined): void {
    current.value = hit;
    if (hit?.drawn !== undefined) show(hit);
    else if (hit?.list !== undefined) {
      isAwaited = true;
      hit.list.reveal(hit.index);
    }
    mark(hits.value, hit);
  }

  function show(hit: Hit): void {
    isAwaited = false;
    if (hit.drawn !== undefined) bringOnScreen(hit.drawn);
    // A post that is shown uncut now may stand elsewhere once its list has measured it.
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        const { drawn } = current.value !== undefined && isSame(current.value, hit) ? current.value : hit;
        if (drawn?.article.isConnected && isOpen.value) bringOnScreen(drawn);
      }),
    );
  }

  function step(by: 1 | -1): void {
    const { length } = hits.value;
    const index = current.value === undefined ? -1 : hits.value.indexOf(current.value);
    if (length > 0) goTo(hits.value[(Math.max(index, by > 0 ? -1 : 0) + by + length) % length]);
  }

  watch([query, isOpen], () => {
    const before = current.value;
    refresh();
    if (!isOpen.value) return;
    // While one types, the hit stays in the post where it is; else it is the first one that is on screen, or below.
    const first = hits.value.find(({ drawn }) => drawn !== undefined && isInOrBelow(drawn.article, page.value));
    goTo(hits.value.find(({ postId }) => postId === before?.postId) ?? first ?? hits.value[0]);
  });
  const changes = { childList: true, characterData: true, subtree: true } as const;
  useMutationObserver(
    computed(() => (isOpen.value ? page.value : null)),
    refreshSoon,
    changes,
  );
  watch(() => (isOpen.value ? [...lists.values()].map(({ posts }) => posts()) : []), refreshSoon);
  onScopeDispose(() => {
    cancelAnimationFrame(frame);
    mark([], undefined);
  });

  return {
    query,
    total: computed(() => hits.value.length),
    /** From 1; 0 if there is none. */
    number: computed(() => (current.value === undefined ? 0 : hits.value.indexOf(current.value) + 1)),
    next: () => step(1),
    previous: () => step(-1),
    /** The post that one was led to. */
    article: () => current.value?.drawn?.article,
  };
}

/** Marks the hits that are drawn, and the current one among them in another colour; its post is shown uncut. */
function mark(hits: readonly Hit[], current: Hit | undefined): void {
  for (const marked of document.querySelectorAll('[data-found]')) marked.removeAttribute('data-found');
  current?.drawn?.article.setAttribute('data-found', '');
  // Without it (Firefox before 140) one is led to the hits all the same.
  if (!('highlights' in CSS)) return;
  const ranges = hits.flatMap(({ drawn }) => (drawn === undefined ? [] : [drawn.range]));
  CSS.highlights.set('find', new Highlight(...ranges));
  const now = new Highlight(...(current?.drawn === undefined ? [] : [current.drawn.range]));
  now.priority = 1;
  CSS.highlights.set('find-current', now);
}

function isInOrBelow(article: HTMLElement, page: HTMLElement | null): boolean {
  return article.getBoundingClientRect().bottom > (page?.getBoundingClientRect().top ?? 0);
}

/** Scrolls as little as is needed; a hit in a post that is taller than the screen comes to the middle of it. */
function bringOnScreen({ article, range }: { readonly article: HTMLElement; readonly range: Range }): void {
  article.setAttribute('data-found', '');
  const scroller = article.closest('.pane-scroll, .view-scroll');
  if (scroller === null) return;
  scroller.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  const hit = range.getBoundingClientRect();
  const shown = scroller.getBoundingClientRect();
  if (hit.top >= shown.top && hit.bottom <= shown.bottom) return;
  scroller.scrollTop += hit.top - (shown.top + shown.height / 2);
}
