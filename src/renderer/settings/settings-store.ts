import { usePreferredDark, useEventListener } from '@vueuse/core';
import { defineStore } from 'pinia';
import { computed, ref, watch } from 'vue';
import { z } from 'zod';
import { need } from '../context.ts';
import { keptKey } from '../storage/kept-storage.ts';

const KEY = 'tagwire:settings';

/** What is not there, or is not what it should be, is as if nobody had chosen. */
const Settings = z.object({
  theme: z.enum(['system', 'light', 'dark']).catch('system'),
  times: z.enum(['relative', 'absolute']).catch('relative'),
  /** `flow`: new posts appear at the top of a feed when that is where one reads. `wait`: always behind the pill. */
  arrivals: z.enum(['flow', 'wait']).catch('flow'),
  author: z.string().catch(''),
  introSeen: z.boolean().catch(false),
});
type Settings = z.infer<typeof Settings>;

/** What this person prefers on this machine, in all windows and profiles. */
export const useSettings = defineStore('settings', () => {
  const { storage } = need(keptKey);
  const read = () => parse(storage.getItem(KEY));
  const stored = ref(read());
  watch(
    stored,
    (settings) => {
      const text = JSON.stringify(settings);
      if (text !== storage.getItem(KEY)) storage.setItem(KEY, text);
    },
    { deep: true },
  );
  useEventListener('storage', ({ key }: StorageEvent) => {
    if (key === KEY || key === null) stored.value = read();
  });

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

function parse(text: string | null): Settings {
  try {
    const settings = Settings.safeParse(JSON.parse(text ?? '{}'));
    return settings.success ? settings.data : Settings.parse({});
  } catch {
    return Settings.parse({});
  }
}
