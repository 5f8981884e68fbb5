import { useScroll } from '@vueuse/core';
import { storeToRefs } from 'pinia';
import { computed, onScopeDispose, type Ref, shallowRef, watch } from 'vue';
import { useAnnouncer } from '../feedback/announcer-store.ts';
import { useSettings } from '../settings/settings-store.ts';
import { useFeedEntries } from '../streams/feed-store.ts';
import { type FeedView, waitingPosts } from '../streams/feed-view.ts';
import { differences } from './differences.ts';

/** Closer to the top than this, in px, one reads at the top. */
const AT_TOP_PX = 8;

/**
 * What one pane shows of a feed. New posts flow in only at the top and only if that is wanted; else they wait
 * behind the pill, so that nothing moves under somebody's eyes. While paused, nothing changes at all.
 */
export function useFeedPane(name: string, scroller: Readonly<Ref<HTMLElement | null>>) {
  const { entry, release } = useFeedEntries().follow(name);
  const settings = useSettings();
  const announcer = useAnnouncer();
  const { isPaused } = storeToRefs(settings);
  const { y } = useScroll(scroller);
  const isAtTop = computed(() => y.value < AT_TOP_PX);
  const frozen = shallowRef<FeedView>();

  const flows = computed(() => isAtTop.value && !isPaused.value && settings.stored.arrivals === 'flow');
  watch(
    flows,
    (now) => {
      entry.hold.value = !now;
      if (now) void entry.flush();
    },
    { immediate: true },
  );
  watch(isPaused, (paused) => (frozen.value = paused ? entry.view.value : undefined), { immediate: true });

  const view = computed(() => frozen.value ?? entry.view.value);
  const waiting = computed(() =>
    frozen.value === undefined ? waitingPosts(entry.view.value) : differences(frozen.value, entry.view.value),
  );
  watch(waiting, (count, before) => {
    if (count > before) announcer.announce(`${count} new in #${name}`);
  });

  onScopeDispose(() => {
    // Nobody reads it now: what comes need not wait, unless one returns to a place further down.
    entry.hold.value = y.value >= AT_TOP_PX;
    release();
  });

  return {
    entry,
    view,
    isPaused,
    /** How many posts, and while paused also edits and removals, are not on screen yet. */
    waiting,
    async showWaiting(): Promise<void> {
      isPaused.value = false;
      await entry.flush();
    },
  };
}
