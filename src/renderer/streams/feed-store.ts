import { defineStore } from 'pinia';
import { onScopeDispose } from 'vue';
import { apiKey, liveKey, need } from '../context.ts';
import { followFeed, type FeedEntry } from './feed-entry.ts';

/** Feeds that stay live after their page was left, so that going back is instant and to the same place. */
const KEPT = 4;

/** The feeds that this window follows, each once, however many panes show it. */
export const useFeedEntries = defineStore('feed entries', () => {
  const api = need(apiKey);
  const live = need(liveKey);
  const followed = new Map<string, { readonly entry: FeedEntry; users: number }>();

  /** Follows a feed until the function it returns beside is called. */
  function follow(name: string): { readonly entry: FeedEntry; readonly release: () => void } {
    const known = followed.get(name) ?? { entry: followFeed(name, { api, live }), users: 0 };
    known.users += 1;
    followed.delete(name);
    followed.set(name, known);
    let isReleased = false;
    return {
      entry: known.entry,
      release() {
        if (isReleased) return;
        isReleased = true;
        known.users -= 1;
        closeUnused();
      },
    };
  }

  /** Closes all but the {@link KEPT} last used of those that no pane shows. */
  function closeUnused(): void {
    const unused = [...followed].filter(([, { users }]) => users === 0);
    for (const [name, { entry }] of unused.slice(0, Math.max(0, unused.length - KEPT))) {
      entry.close();
      followed.delete(name);
    }
  }

  onScopeDispose(() => {
    for (const { entry } of followed.values()) entry.close();
  });

  return { follow };
});
