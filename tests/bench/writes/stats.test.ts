import { describe, expect, it } from 'vitest';
import { median, quantile, ratios } from './stats.ts';

describe('figures of the benchmark', () => {
  it('takes the value at a quantile by the nearest rank', () => {
    const values = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect([quantile(values, 0.5), quantile(values, 0.99), quantile(values, 1), quantile([7], 0.5)]).toEqual([
      50, 99, 100, 7,
    ]);
    expect(quantile([], 0.5)).toBeNaN();
  });

  it('takes the middle, or between the two in the middle', () => {
    expect([median([9, 1, 5]), median([4, 1, 2, 100])]).toEqual([5, 3]);
  });

  it('compares what was measured in the same repetition', () => {
    expect(ratios([10, 200, 3000], [20, 200, 1000])).toEqual({ median: 1, min: 0.5, max: 3 });
  });
});
