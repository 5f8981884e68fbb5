/** However long a server asks to be left alone, in ms: longer is a mistake, or more than a timer can count. */
const LONGEST_MS = 3_600_000;

/** The three forms of a date that RFC 9110 (5.6.7) has: of today, of RFC 850, and of asctime, which is in UTC too. */
const DATES = [
  /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/,
  /^[A-Z][a-z]{5,8}, \d\d-[A-Z][a-z]{2}-\d\d \d\d:\d\d:\d\d GMT$/,
  /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}$/,
];

/**
 * How long an answer asks to be left alone (`Retry-After`, RFC 9110, 10.2.3: seconds, or a date), in ms, an hour at
 * the most; `undefined` where it does not say, or not so that one could understand it. A date is measured against the
 * answer's own `Date`, since nobody knows how the two clocks agree.
 */
export function retryAfterMs(headers: { get(name: string): string | null }): number | undefined {
  const value = headers.get('retry-after')?.trim() ?? '';
  if (/^\d+$/.test(value)) return Math.min(Number(value) * 1_000, LONGEST_MS);
  const at = parseDate(value);
  if (at === undefined) return undefined;
  return Math.min(Math.max(0, at - (parseDate(headers.get('date')?.trim() ?? '') ?? Date.now())), LONGEST_MS);
}

function parseDate(text: string): number | undefined {
  if (!DATES.some((form) => form.test(text))) return undefined;
  const at = Date.parse(text.endsWith('GMT') ? text : `${text} GMT`);
  return Number.isNaN(at) ? undefined : at;
}
