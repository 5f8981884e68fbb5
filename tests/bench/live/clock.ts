/*
 * Times that are taken in one process and compared in another: the machine's monotonic clock, in µs. A post carries
 * the moment at which it was sent as a mark in its text, which the load generator looks for in what it receives.
 */

const DIGITS = 16;
export const MARK = '@T';
export const MARK_LENGTH = MARK.length + DIGITS;

export function nowUs(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

export function mark(): string {
  return MARK + String(nowUs()).padStart(DIGITS, '0');
}

/** The time of the mark at `at`, or `undefined` where it is cut off. */
export function timeOfMark(bytes: Buffer, at: number): number | undefined {
  if (at + MARK_LENGTH > bytes.length) return undefined;
  let time = 0;
  for (let i = at + MARK.length; i < at + MARK_LENGTH; i++) time = time * 10 + ((bytes[i] ?? 0) - 48);
  return time;
}
