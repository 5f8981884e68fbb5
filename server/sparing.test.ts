import { expect, it } from 'vitest';
import { sparing } from './sparing.ts';

it('passes on the first call, then one in a while, and counts the others', () => {
  let now = 0;
  const passed: [number, string][] = [];
  const tell = sparing(
    10,
    (leftOut, what: string) => passed.push([leftOut, what]),
    () => now,
  );

  for (const [at, what] of [
    [0, 'a'],
    [1, 'b'],
    [9, 'c'],
    [10, 'd'],
    [25, 'e'],
    [26, 'f'],
  ] as const) {
    now = at;
    tell(what);
  }

  expect(passed).toEqual([
    [0, 'a'],
    [2, 'd'],
    [0, 'e'],
  ]);
});
