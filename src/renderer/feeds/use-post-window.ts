import { useVirtualizer } from '@tanstack/vue-virtual';
import { computed, onScopeDispose, type Ref, watch } from 'vue';
import type { Post } from '../../../contract/post.ts';
import type { ReadingPlace } from '../streams/feed-entry.ts';

/** Height of a post that was not measured yet, in px. */
const ESTIMATE_PX = 120;

/** Begin to load older posts when this many are left below. */
const LOAD_AHEAD = 8;

/**
 * Renders of a long list of posts only those around the screen, and keeps what is on screen where it is when
 * posts above it come, go or change.
 */
export function usePostWindow(
  posts: Readonly<Ref<readonly Post[]>>,
  scroller: Readonly<Ref<HTMLElement | null>>,
  options: {
    /** Where the list was left: without the heights from then, the same offset is another place. */
    readonly startAt: ReadingPlace | undefined;
    readonly onLeave: (place: ReadingPlace) => void;
    readonly onNearEnd: () => void;
  },
) {
  type Anchor = { readonly ids: readonly string[]; readonly offset: number };
  let anchor: Anchor | undefined;

  onScopeDispose(() => {
    options.onLeave({ scrollTop: scroller.value?.scrollTop ?? 0, rows: virtualizer.value.takeSnapshot() });
  });

  // Before the virtualizer hears of the change: what is on screen now, and how far its first post is scrolled.
  watch(
    posts,
    () => {
      const scrollTop = scroller.value?.scrollTop ?? 0;
      const items = virtualizer.value.getVirtualItems().filter((item) => item.end > scrollTop);
      const first = items[0];
      anchor ??=
        first !== undefined && scrollTop > 0
          ? { ids: items.map((item) => String(item.key)), offset: scrollTop - first.start }
          : undefined;
    },
    { flush: 'sync' },
  );

  const virtualizer = useVirtualizer(
    computed(() => ({
      count: posts.value.length,
      getScrollElement: () => scroller.value,
      estimateSize: () => ESTIMATE_PX,
      getItemKey: (index: number) => posts.value[index]?.id ?? index,
      initialOffset: options.startAt?.scrollTop ?? 0,
      initialMeasurementsCache: [...(options.startAt?.rows ?? [])],
      overscan: 6,
    })),
  );

  watch(
    posts,
    () => {
      const kept = anchor;
      anchor = undefined;
      if (kept === undefined || scroller.value === null) return;
      const places = new Map(posts.value.map((post, index) => [post.id, index]));
      const id = kept.ids.find((candidate) => places.has(candidate));
      const item = id === undefined ? undefined : virtualizer.value.measurementsCache[places.get(id) ?? 0];
      if (item === undefined) return;
      const target = item.start + (id === kept.ids[0] ? kept.offset : 0);
      if (Math.abs(target - scroller.value.scrollTop) > 1) virtualizer.value.scrollToOffset(target);
    },
    { flush: 'post' },
  );

  const items = computed(() => virtualizer.value.getVirtualItems());
  watch(items, (visible) => {
    const last = visible.at(-1);
    if (last !== undefined && last.index >= posts.value.length - LOAD_AHEAD) options.onNearEnd();
  });

  return {
    items,
    height: computed(() => virtualizer.value.getTotalSize()),
    /** For the `ref` of each rendered row, which must have `data-index`. */
    measure: (row: unknown) => virtualizer.value.measureElement(row as Element | null),
    scrollToPost: (index: number) => virtualizer.value.scrollToIndex(index, { align: 'center' }),
    scrollToTop: () => virtualizer.value.scrollToOffset(0),
  };
}
