import { defineStore } from 'pinia';
import { computed, onScopeDispose, ref, shallowRef } from 'vue';
import { FeedsChange, FeedsState } from '../../../contract/streams.ts';
import { describeError } from '../http/api.ts';
import { apiKey, liveKey, need } from '../context.ts';
import { feedsChange, feedsOlderPage, feedsSnapshot, NO_FEEDS } from './feeds-view.ts';

/** The list of feeds, live for as long as the app runs. */
export const useFeeds = defineStore('feeds', () => {
  const api = need(apiKey);
  const live = need(liveKey);
  const view = shallowRef(NO_FEEDS);
  const problem = ref<string>();
  const isLoadingMore = ref(false);

  const close = live.open('feeds', {
    snapshot(version, state) {
      const list = FeedsState.safeParse(state);
      if (list.success) view.value = feedsSnapshot(version, list.data);
      problem.value = list.success ? undefined : 'The server sent a list of feeds that this app does not understand.';
    },
    change(_from, version, change) {
      const parsed = FeedsChange.safeParse(change);
      if (parsed.success) view.value = feedsChange(view.value, version, parsed.data);
    },
    problem(detail) {
      problem.value = detail;
    },
  });
  onScopeDispose(close);

  /** Loads feeds that were active earlier than all that are known. */
  async function loadMore(): Promise<void> {
    const cursor = view.value.next;
    if (cursor === null || isLoadingMore.value) return;
    isLoadingMore.value = true;
    const page = await api.feeds({ cursor });
    isLoadingMore.value = false;
    if (page.ok) view.value = feedsOlderPage(view.value, page.value);
    else problem.value = describeError(page.error);
  }

  /** Looks at the server for feeds with `q` in their names: there may be more than are loaded. */
  async function find(q: string): Promise<void> {
    const page = await api.feeds({ q });
    if (page.ok) view.value = { ...feedsOlderPage(view.value, page.value), next: view.value.next };
  }

  return {
    feeds: computed(() => view.value.feeds),
    byName: computed(() => new Map(view.value.feeds.map((feed) => [feed.name, feed]))),
    isLoaded: computed(() => view.value.version !== undefined),
    hasMore: computed(() => view.value.next !== null),
    isLoadingMore,
    problem,
    loadMore,
    find,
  };
});
