/** Units from small to large: the length in seconds, and how many of it are said as one of the next. */
const UNITS = [
  ['minute', 60, 60],
  ['hour', 3600, 24],
  ['day', 24 * 3600, 7],
  ['week', 7 * 24 * 3600, 5],
  ['month', 30 * 24 * 3600, 12],
  ['year', 365 * 24 * 3600, Infinity],
] as const;

/** Younger than this, in seconds, is "now": counting seconds would only make the screen restless. */
const NOW_SECONDS = 45;

const relative = new Intl.RelativeTimeFormat('en', { style: 'narrow', numeric: 'always' });
const SAME_DAY = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const OTHER_DAY = new Intl.DateTimeFormat(undefined, {
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
});
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });

/** How long ago `at` was at `now` (both epoch ms): "now", "5m ago". The future is "now": clocks differ. */
export function relativeTime(at: number, now: number): string {
  const seconds = (now - at) / 1000;
  if (seconds < NOW_SECONDS) return 'now';
  for (const [unit, length, tooMany] of UNITS) {
    const count = Math.max(1, Math.round(seconds / length));
    if (count < tooMany) return relative.format(-count, unit);
  }
  return '';
}

/** The time of day when it was today, else with the date; in this person's own way of writing it. */
export function clockTime(at: number, now: number): string {
  const isToday = new Date(at).toDateString() === new Date(now).toDateString();
  return (isToday ? SAME_DAY : OTHER_DAY).format(at);
}

export function fullTime(at: number): string {
  return FULL.format(at);
}
