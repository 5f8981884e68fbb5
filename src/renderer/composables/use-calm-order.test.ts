import { describe, expect, it } from 'vitest';
import { ref } from 'vue';
import { useCalmOrder } from './use-calm-order.ts';

const setup = (names: string[]) => {
  const items = ref(names);
  const isBusy = ref(false);
  return { items, isBusy, shown: useCalmOrder(items, (name) => name, isBusy) };
};

describe('useCalmOrder', () => {
  it('follows the order of the list', () => {
    const { items, shown } = setup(['a', 'b', 'c']);
    items.value = ['c', 'a', 'b'];
    expect(shown.value).toEqual(['c', 'a', 'b']);
  });

  it('keeps rows in their places while busy, with newcomers last', () => {
    const { items, isBusy, shown } = setup(['a', 'b', 'c']);
    expect(shown.value).toEqual(['a', 'b', 'c']);
    isBusy.value = true;
    items.value = ['x', 'c', 'y', 'a'];
    expect(shown.value).toEqual(['a', 'c', 'x', 'y']);
  });

  it('takes the order of the list again afterwards', () => {
    const { items, isBusy, shown } = setup(['a', 'b']);
    expect(shown.value).toEqual(['a', 'b']);
    isBusy.value = true;
    items.value = ['b', 'a'];
    expect(shown.value).toEqual(['a', 'b']);
    isBusy.value = false;
    expect(shown.value).toEqual(['b', 'a']);
  });
});
