/**
 * Notices that the wall clock and the clock that nobody can set have parted: the computer slept (the second stands
 * still then on most systems), or somebody set the first. Neither says for how long it was away, so this measures
 * nothing; it is a sign that there is nothing to rely on until the next proof.
 */
export class WallClockWatch {
  #apart = apart();

  /** Whether they parted by more than `ms` since this was asked last. */
  jumped(ms: number): boolean {
    const before = this.#apart;
    this.#apart = apart();
    return Math.abs(this.#apart - before) > ms;
  }
}

function apart(): number {
  return Date.now() - performance.now();
}
