import { defineStore } from 'pinia';
import { ref } from 'vue';
import type { RouteLocationRaw } from 'vue-router';

export type ToastAction = { readonly label: string; readonly run?: () => void; readonly to?: RouteLocationRaw };

export type Toast = {
  readonly id: number;
  /** A later message with the same key takes the place of this one. */
  readonly key?: string;
  readonly kind: 'done' | 'info' | 'failed';
  readonly text: string;
  readonly detail?: string;
  readonly actions: readonly ToastAction[];
};

/** How long a message that asks for nothing stays, in ms. Failures stay until they are dismissed. */
const STAY_MS = 5_000;

/** Messages on screen, at most; the oldest goes first. */
const MAX_SHOWN = 4;

/** Short messages in the corner of the window. */
export const useToasts = defineStore('toasts', () => {
  const toasts = ref<Toast[]>([]);
  let lastId = 0;

  function show(toast: Omit<Toast, 'id' | 'actions'> & { actions?: readonly ToastAction[] }): number {
    const id = ++lastId;
    const others = toasts.value.filter(({ key }) => key === undefined || key !== toast.key);
    toasts.value = [...others, { actions: [], ...toast, id }].slice(-MAX_SHOWN);
    if (toast.kind !== 'failed') setTimeout(() => dismiss(id), STAY_MS);
    return id;
  }

  function dismiss(id: number): void {
    toasts.value = toasts.value.filter((toast) => toast.id !== id);
  }

  return { toasts, show, dismiss };
});
