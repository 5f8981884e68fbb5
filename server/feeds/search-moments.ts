/*
 * Search gives posts newest first without sorting all that a common word finds: posts have a number that grows with the
 * time of creation, and an index of words has them in this order. A number has room for {@link ROOM} posts of each
 * millisecond; within one they are in any order, so the last millisecond of a page is read to its end, and sorted.
 */

export const ROOM = 1024;

/** The least number of a post that was created then. */
export function firstNumberOf(createdAt: string): number {
  const time = Date.parse(createdAt);
  // What is no time, or none that a number holds, is put first or last; 2^53 / ROOM ms is in the year 2248.
  return (Number.isNaN(time) ? 0 : Math.min(Math.max(0, time), LAST_MILLISECOND)) * ROOM;
}

/** The millisecond that a number is of. */
export function momentOf(n: number): number {
  return Math.floor(n / ROOM);
}

const LAST_MILLISECOND = Math.floor(Number.MAX_SAFE_INTEGER / ROOM) - 1;
