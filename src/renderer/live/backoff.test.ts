import fc from 'fast-check';
import { expect, test } from 'vitest';
import { backoff } from './backoff.ts';

test('the wait doubles from 1 s to 30 s', () => {
  const waits = [1, 2, 3, 4, 5, 6, 7, 100].map((attempt) => backoff(attempt, 0.5));
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
});

test('the jitter is ±25 %, on the cap too', () => {
  expect([backoff(9, 0), backoff(9, 0.999999)]).toEqual([22_500, 37_500]);
});

test('the wait is never shorter than what the server asked for', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      fc.integer({ min: 0, max: 3_600_000 }),
      (attempt, random, floor) => {
        expect(backoff(attempt, random, floor)).toBeGreaterThanOrEqual(floor);
      },
    ),
  );
});
