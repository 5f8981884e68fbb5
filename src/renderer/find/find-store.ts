import { defineStore } from 'pinia';
import { onScopeDispose, type Ref, shallowReactive, watch } from 'vue';
import type { Post } from '../../../contract/post.ts';

/** A list that has posts in the document only around the screen. */
export type LongList = {
  readonly posts: () => readonly Post[];
  /** Brings the post at this index into the document, on screen. */
  readonly reveal: (index: number) => void;
};

/** The long lists of this page, by the element that holds each, for whoever looks for something in them. */
export const useLongLists = defineStore('long lists', () => ({
  lists: shallowReactive(new Map<Element, LongList>()),
}));

/** While the component lives, what its list does not draw is found too. The element is marked `data-long-list`. */
export function useLongList(element: Readonly<Ref<HTMLElement | null>>, list: LongList): void {
  const { lists } = useLongLists();
  watch(element, (now, before) => {
    if (before) lists.delete(before);
    if (now) lists.set(now, list);
  });
  onScopeDispose(() => {
    if (element.value) lists.delete(element.value);
  });
}
