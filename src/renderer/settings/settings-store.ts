import { useLocalStorage, usePreferredDark } from '@vueuse/core';
import { defineStore } from 'pinia';
import { computed, ref } from 'vue';

export type Theme = 'system' | 'light' | 'dark';
export type TimeStyle = 'relative' | 'absolute';
/** `flow`: new posts appear at the top of a feed when that is where one reads. `wait`: always behind the pill. */
export type Arrivals = 'flow' | 'wait';

/** What this person prefers on this machine, in all windows and profiles. */
export const useSettings = defineStore('settings', () => {
  const stored = useLocalStorage(
    'tagwire:settings',
    {
      theme: 'system' as Theme,
      times: 'relative' as TimeStyle,
      arrivals: 'flow' as Arrivals,
      author: '',
      introSeen: false,
    },
    { mergeDefaults: true },
  );
  const prefersDark = usePreferredDark();
  return {
    stored,
    colorMode: computed(() =>
      stored.value.theme === 'system' ? (prefersDark.value ? 'dark' : 'light') : stored.value.theme,
    ),
    /** Live updates of this window are paused: nothing on screen changes until they are resumed. */
    isPaused: ref(false),
  };
});
