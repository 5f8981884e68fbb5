/** How often, in ms, a line that can't be written over is worth another one. */
export const PROGRESS_LINE_MS = 5_000;

/** Says how far a work is and how long it will take, from its rate so far: `1500 of 10000 posts, 12 s left`. */
export function progressOf(things: string): (done: number, total: number) => string {
  const began = performance.now();
  return (done, total) => {
    const took = performance.now() - began;
    const seconds = Math.ceil(((took / Math.max(1, done)) * Math.max(0, total - done)) / 1000);
    return `${done} of ${total} ${things}, ${inWords(seconds)} left`;
  };
}

function inWords(seconds: number): string {
  return seconds < 100 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
