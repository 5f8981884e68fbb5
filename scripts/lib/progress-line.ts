import type { Progress } from './resumable-download.ts';

/** Makes the line that says how far a download is: megabytes, per cent, and how long it still takes at this pace. */
export function progressLine(what: string): (progress: Progress) => string {
  let first: { readonly received: number; readonly at: number } | undefined;
  return ({ received, total }) => {
    const now = performance.now();
    // The pace of this try: what an earlier one brought took no time.
    first ??= { received, at: now };
    const mb = (bytes: number) => Math.round(bytes / 1e6);
    if (total === undefined) return `${what}: ${mb(received)} MB`;
    const pace = (received - first.received) / (now - first.at);
    const left = pace > 0 ? `, ${duration((total - received) / pace)} left` : '';
    return `${what}: ${mb(received)} of ${mb(total)} MB, ${Math.floor((received / total) * 100)} %${left}`;
  };
}

function duration(ms: number): string {
  const seconds = Math.ceil(ms / 1_000);
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}
