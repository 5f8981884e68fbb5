import { defineStore } from 'pinia';
import { useIntervalFn, useTimeoutFn } from '@vueuse/core';
import { computed, onScopeDispose, ref, shallowRef, watch } from 'vue';
import { liveKey, need } from '../context.ts';
import type { LiveStatus } from '../live/live-client.ts';

/** Interruptions shorter than this, in ms, are not worth a word. */
const GRACE_MS = 1_500;

/** How this window is connected to the server. */
export const useConnection = defineStore('connection', () => {
  const live = need(liveKey);
  const status = shallowRef<LiveStatus>(live.status);
  /** As `performance.now()` tells it. */
  const now = ref(performance.now());
  const isDown = ref(false);
  onScopeDispose(live.onStatus((next) => (status.value = next)));

  const clock = useIntervalFn(() => (now.value = performance.now()), 500, { immediate: false });
  const grace = useTimeoutFn(() => (isDown.value = true), GRACE_MS, { immediate: false });
  watch(
    () => status.value.kind,
    (kind) => {
      now.value = performance.now();
      if (kind === 'live') {
        grace.stop();
        clock.pause();
        isDown.value = false;
      } else {
        if (!isDown.value && !grace.isPending.value) grace.start();
        clock.resume();
      }
    },
    { immediate: true },
  );

  return {
    status,
    isLive: computed(() => status.value.kind === 'live'),
    /** True once an interruption has lasted long enough to be told. */
    isDown: computed(() => isDown.value),
    /** For how long, in ms, there has been no connection; 0 while there is one. */
    downMs: computed(() => (status.value.kind === 'waiting' ? Math.max(0, now.value - status.value.since) : 0)),
    /** Whole seconds until the next try; `undefined` while a try is under way. */
    retryInSeconds: computed(() =>
      status.value.kind === 'waiting' && status.value.retryAt !== undefined
        ? Math.max(0, Math.ceil((status.value.retryAt - now.value) / 1000))
        : undefined,
    ),
    retryNow: () => live.retryNow(),
  };
});
