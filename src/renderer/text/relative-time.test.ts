import { describe, expect, it } from 'vitest';
import { relativeTime } from './relative-time.ts';

const NOW = Date.parse('2026-03-04T12:00:00Z');
const ago = (seconds: number) => relativeTime(NOW - seconds * 1000, NOW);

describe('relativeTime', () => {
  it.each([
    [0, 'now'],
    [44, 'now'],
    [50, '1m ago'],
    [5 * 60, '5m ago'],
    [3 * 3600, '3h ago'],
    [26 * 3600, '1d ago'],
    [20 * 24 * 3600, '3w ago'],
    [400 * 24 * 3600, '1y ago'],
  ])('says of %i seconds ago: %s', (seconds, text) => {
    expect(ago(seconds)).toBe(text);
  });

  it('takes a time in the future for now, for clocks differ', () => {
    expect(ago(-3600)).toBe('now');
  });
});
