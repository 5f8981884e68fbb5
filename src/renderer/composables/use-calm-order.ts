import { computed, type MaybeRefOrGetter, toValue } from 'vue';

/**
 * A list in its own order, except that the order stands still while `isBusy` (somebody points at a row, or has
 * the focus in it): rows that come meanwhile are added at the end, rows that go leave.
 */
export function useCalmOrder<T>(
  items: MaybeRefOrGetter<readonly T[]>,
  keyOf: (item: T) => string,
  isBusy: MaybeRefOrGetter<boolean>,
) {
  return computed<readonly T[]>((before) => {
    const present = toValue(items);
    if (!toValue(isBusy) || before === undefined) return present;
    return inOrder(present, keyOf, new Map(before.map((item, index) => [keyOf(item), index])));
  });
}

function inOrder<T>(items: readonly T[], keyOf: (item: T) => string, places: ReadonlyMap<string, number>): T[] {
  const place = (item: T) => places.get(keyOf(item)) ?? Number.POSITIVE_INFINITY;
  // The sort is stable, so newcomers keep the order that they have among themselves.
  return [...items].sort((a, b) => (place(a) === place(b) ? 0 : place(a) - place(b)));
}
