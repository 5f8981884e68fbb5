const FIRST_MS = 1_000;
const CAP_MS = 30_000;
const JITTER = 0.25;

/**
 * How long to wait, in ms, before try number `attempt` (1 is the first after a failure): 1 s doubling up to 30 s,
 * then ±25 % so that clients that failed together do not come back together; the jitter lies on top of the cap
 * too. `floorMs` is what the server asked for (`Retry-After`): the jitter then only adds to it.
 */
export function backoff(attempt: number, random: number, floorMs = 0): number {
  const base = Math.min(CAP_MS, FIRST_MS * 2 ** Math.min(attempt - 1, 10));
  const jittered = base * (1 - JITTER + 2 * JITTER * random);
  return Math.round(jittered >= floorMs ? jittered : floorMs * (1 + JITTER * random));
}
