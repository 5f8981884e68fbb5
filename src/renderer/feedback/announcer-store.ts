import { defineStore } from 'pinia';
import { ref } from 'vue';

/** Announcements come at most this often, in ms: a busy feed must not talk without a pause. */
const PAUSE_MS = 3_000;

/** What a screen reader is told in passing. Of several announcements within a pause the last one is spoken. */
export const useAnnouncer = defineStore('announcer', () => {
  const text = ref('');
  let waiting: string | undefined;
  let isPausing = false;

  function announce(next: string): void {
    if (isPausing) {
      waiting = next;
      return;
    }
    text.value = next;
    isPausing = true;
    setTimeout(() => {
      isPausing = false;
      const last = waiting;
      waiting = undefined;
      if (last !== undefined) announce(last);
    }, PAUSE_MS);
  }

  return { text, announce };
});
