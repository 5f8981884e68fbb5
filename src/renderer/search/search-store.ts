import { defineStore } from 'pinia';
import { computed, ref, shallowRef } from 'vue';
import type { SearchResult } from '../../../contract/feed.ts';
import { describeError } from '../http/api.ts';
import { apiKey, need } from '../context.ts';

/** The search of this window: the latest query wins, whatever order the answers come in. */
export const useSearch = defineStore('search', () => {
  const api = need(apiKey);
  const state = ref<'idle' | 'searching' | 'done'>('idle');
  const result = shallowRef<SearchResult>({ query: '', posts: [], next: null });
  const problem = ref<string>();
  let running: AbortController | undefined;

  async function run(q: string): Promise<void> {
    if (q === '') {
      running?.abort();
      state.value = 'idle';
      problem.value = undefined;
      result.value = { query: '', posts: [], next: null };
      return;
    }
    await ask({ q });
  }

  async function more(): Promise<void> {
    const { query, next } = result.value;
    if (next !== null) await ask({ q: query, cursor: next });
  }

  async function ask(query: { q: string; cursor?: string }): Promise<void> {
    running?.abort();
    const mine = new AbortController();
    running = mine;
    state.value = 'searching';
    problem.value = undefined;
    const found = await api.search(query, mine.signal);
    if (mine.signal.aborted) return;
    state.value = 'done';
    if (!found.ok) problem.value = describeError(found.error);
    else {
      const before = query.cursor === undefined ? [] : result.value.posts;
      result.value = { ...found.value, query: query.q, posts: [...before, ...found.value.posts] };
    }
  }

  return {
    state,
    problem,
    posts: computed(() => result.value.posts),
    hasMore: computed(() => result.value.next !== null),
    run,
    more,
  };
});
