/**
 * Passes on the first call, and later ones at most every `everyMs`, each with the number of those that were left out
 * since the one before. For the log of what an outage makes happen thousands of times.
 */
export function sparing<Given extends unknown[]>(
  everyMs: number,
  pass: (leftOut: number, ...given: Given) => void,
): (...given: Given) => void {
  let passedAt = -Infinity;
  let leftOut = 0;
  return (...given) => {
    const now = performance.now();
    if (now - passedAt < everyMs) {
      leftOut += 1;
      return;
    }
    pass(leftOut, ...given);
    passedAt = now;
    leftOut = 0;
  };
}
