import { ref, shallowRef, type Ref, type ShallowRef } from 'vue';
import type { VirtualItem } from '@tanstack/vue-virtual';
import { UNKNOWN_CURSOR } from '../../../contract/fold.ts';
import { FeedChange, FeedState, feedStream } from '../../../contract/streams.ts';
import { type Api, describeError } from '../http/api.ts';
import type { LiveClient } from '../live/live-client.ts';
import {
  emptyFeed,
  feedChange,
  feedFlush,
  feedOlderPage,
  feedRestart,
  feedSnapshot,
  type FeedView,
  MAX_FRESH,
} from './feed-view.ts';

/** A feed that is followed: its view, and what can be asked of it. */
export type FeedEntry = {
  readonly view: ShallowRef<FeedView>;
  /** Set while somebody reads further down, or has paused: new posts wait. */
  readonly hold: Ref<boolean>;
  readonly isLoadingOlder: Ref<boolean>;
  /** Why the feed cannot be followed, for people. */
  readonly problem: Ref<string | undefined>;
  /** Why older posts could not be loaded; cleared by the next try. */
  readonly olderProblem: Ref<string | undefined>;
  /** Where it was last left; `undefined` when no pane has shown it yet. */
  lastPlace: ReadingPlace | undefined;
  loadOlder(): Promise<void>;
  /** Shows what waited. */
  flush(): Promise<void>;
  close(): void;
};

/** How far a feed was scrolled, in px, and the rows with their heights that this is a place among. */
export type ReadingPlace = { readonly scrollTop: number; readonly rows: readonly VirtualItem[] };

/** Posts kept while reading at the top, at most: beyond that older pages are let go. */
const MAX_AT_TOP = 2 * MAX_FRESH;

export function followFeed(name: string, { api, live }: { readonly api: Api; readonly live: LiveClient }): FeedEntry {
  const view = shallowRef(emptyFeed(name));
  const hold = ref(false);
  const isLoadingOlder = ref(false);
  const problem = ref<string>();
  const olderProblem = ref<string>();
  const abort = new AbortController();
  let isRestarting = false;

  const closeStream = live.open(feedStream(name), {
    snapshot(version, state) {
      const page = FeedState.safeParse(state);
      problem.value = page.success ? undefined : 'The server sent a feed that this app does not understand.';
      if (!page.success) return;
      view.value = feedSnapshot(view.value, version, page.data, { hold: hold.value });
      if (view.value.next === UNKNOWN_CURSOR) void restart();
      else if (view.value.staleFrom !== undefined) void refreshStale();
    },
    change(_from, version, change) {
      const parsed = FeedChange.safeParse(change);
      if (!parsed.success) return;
      view.value = feedChange(view.value, version, parsed.data, { hold: hold.value });
      if (!hold.value && view.value.posts.length > MAX_AT_TOP) void restart();
    },
    problem(detail) {
      problem.value = detail;
    },
  });

  async function loadOlder(): Promise<void> {
    const { next, floor } = view.value;
    if (next === null || isLoadingOlder.value) return;
    isLoadingOlder.value = true;
    olderProblem.value = undefined;
    if (next === UNKNOWN_CURSOR) await restart();
    else olderProblem.value = await readBelow(next, floor);
    isLoadingOlder.value = false;
  }

  /** After a snapshot: reads the pages below the first one again, for changes to them may have been missed. */
  async function refreshStale(): Promise<void> {
    for (let from = view.value.staleFrom; from !== undefined;) {
      const problem = await readBelow(from.cursor, from.place);
      if (problem !== undefined || view.value.staleFrom?.cursor === from.cursor) return;
      from = view.value.staleFrom;
    }
  }

  async function readBelow(cursor: string, place: FeedView['floor']): Promise<string | undefined> {
    const { generation } = view.value;
    const page = await api.feed(name, { cursor }, abort.signal);
    if (!page.ok) return abort.signal.aborted ? undefined : describeError(page.error);
    view.value = feedOlderPage(view.value, page.value, place, generation, { hold: hold.value });
    return undefined;
  }

  async function restart(): Promise<void> {
    if (isRestarting) return;
    isRestarting = true;
    const { generation } = view.value;
    const page = await api.feed(name, {}, abort.signal);
    isRestarting = false;
    if (page.ok) view.value = feedRestart(view.value, page.value, generation);
    else if (!abort.signal.aborted) olderProblem.value = describeError(page.error);
  }

  async function flush(): Promise<void> {
    if (view.value.missed > 0) await restart();
    view.value = feedFlush(view.value);
  }

  return {
    view,
    hold,
    isLoadingOlder,
    problem,
    olderProblem,
    lastPlace: undefined,
    loadOlder,
    flush,
    close() {
      closeStream();
      abort.abort();
    },
  };
}
