import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { retryAfterMs } from './retry-after.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-11-24T06:00:00Z') });
});
afterEach(() => {
  vi.useRealTimers();
});

const HOUR_MS = 3_600_000;

test.each([
  ['0', 0],
  ['7', 7_000],
  [' 120 ', 120_000],
  ['3600', HOUR_MS],
  ['3000000', HOUR_MS],
  ['9'.repeat(400), HOUR_MS],
  ['Tue, 24 Nov 2026 06:01:30 GMT', 90_000],
  ['Tuesday, 24-Nov-26 06:01:30 GMT', 90_000],
  ['Tue Nov 24 06:01:30 2026', 90_000],
  ['Tue, 24 Nov 2026 05:00:00 GMT', 0],
  ['Fri, 31 Dec 9999 23:59:59 GMT', HOUR_MS],
])('%j is understood', (value, ms) => {
  expect(retryAfterMs(new Headers({ 'Retry-After': value }))).toBe(ms);
});

test.each([
  '',
  '-5',
  '+5',
  '1.5',
  '1e3',
  '0x10',
  'Infinity',
  'soon',
  'tomorrow 5',
  'Tue, 99 Nov 2026 06:00:00 GMT',
  '5, 5',
])('%j says nothing', (value) => {
  expect(retryAfterMs(new Headers({ 'Retry-After': value }))).toBeUndefined();
});

test('an answer without it says nothing', () => {
  expect(retryAfterMs(new Headers())).toBeUndefined();
});

test('a date is measured by the clock that it was made with', () => {
  const headers = { Date: 'Tue, 24 Nov 2026 09:00:00 GMT', 'Retry-After': 'Tue, 24 Nov 2026 09:00:20 GMT' };
  expect(retryAfterMs(new Headers(headers))).toBe(20_000);
});
