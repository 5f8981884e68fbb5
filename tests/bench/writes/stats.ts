/** The value below which the share `q` of the values lies, by the nearest rank; NaN of none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? NaN;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle] ?? NaN;
  return ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}

/**
 * The median of the ratios of what was measured side by side, and the smallest and largest of them: what the machine
 * did meanwhile is the same above and below the line.
 */
export function ratios(values: readonly number[], baselines: readonly number[]) {
  const each = values.map((value, repetition) => value / (baselines[repetition] ?? NaN));
  return { median: median(each), min: Math.min(...each), max: Math.max(...each) };
}
