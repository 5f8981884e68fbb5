import { createSharedComposable, useIntervalFn } from '@vueuse/core';
import { ref } from 'vue';

const TICK_MS = 15_000;

/** The time in epoch ms, for all that shows ages: one timer for the whole window. */
export const useClock = createSharedComposable(() => {
  const now = ref(Date.now());
  useIntervalFn(() => (now.value = Date.now()), TICK_MS);
  return now;
});
