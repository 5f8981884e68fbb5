import { setTimeout as delay } from 'node:timers/promises';

/** Asks every 20 ms until `condition` holds; false after `limitMs`. */
export async function holdsWithin(limitMs: number, condition: () => boolean | Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > deadline) return false;
    await delay(20);
  }
  return true;
}

/** The same, but throws after `limitMs`. */
export async function until(condition: () => boolean | Promise<boolean>, limitMs: number): Promise<void> {
  if (await holdsWithin(limitMs, condition)) return;
  throw new Error(`The condition did not hold within ${limitMs} ms: ${condition}`);
}
