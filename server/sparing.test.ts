import { afterEach, expect, it, vi } from 'vitest';
import { sparing } from './sparing.ts';

afterEach(() => void vi.useRealTimers());

it('passes on the first call, then one in a while, and counts the others', () => {
  vi.useFakeTimers();
  const passed: [number, string][] = [];
  const tell = sparing(10, (leftOut, what: string) => passed.push([leftOut, what]));

  for (const [later, what] of [
    [0, 'a'],
    [1, 'b'],
    [8, 'c'],
    [1, 'd'],
    [15, 'e'],
    [1, 'f'],
  ] as const) {
    vi.advanceTimersByTime(later);
    tell(what);
  }

  expect(passed).toEqual([
    [0, 'a'],
    [2, 'd'],
    [0, 'e'],
  ]);
});
