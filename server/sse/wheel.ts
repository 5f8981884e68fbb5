import type { Timers } from './timers.ts';

/** Something that a {@link Wheel} visits; `slot` belongs to the wheel. */
export interface Spoke {
  slot: number;
}

const SLOTS = 15;

/**
 * Visits each of very many things once in a period, with one timer for all of them (none while it is empty),
 * and spread over the period, so that 10,000 heartbeats are not due at the same moment.
 */
export class Wheel<T extends Spoke> {
  readonly #slots: Set<T>[] = Array.from({ length: SLOTS }, () => new Set<T>());
  readonly #periodMs: number;
  readonly #timers: Timers;
  readonly #visit: (item: T) => void;
  #size = 0;
  #next = 0;
  #now = 0;
  #stop: (() => void) | undefined;

  constructor(periodMs: number, timers: Timers, visit: (item: T) => void) {
    this.#periodMs = periodMs;
    this.#timers = timers;
    this.#visit = visit;
  }

  get size(): number {
    return this.#size;
  }

  add(item: T): void {
    item.slot = this.#next;
    this.#next = (this.#next + 1) % SLOTS;
    this.#slotOf(item).add(item);
    this.#size += 1;
    this.#stop ??= this.#timers.every(this.#periodMs / SLOTS, () => this.#turn());
  }

  delete(item: T): void {
    if (!this.#slotOf(item).delete(item)) return;
    this.#size -= 1;
    if (this.#size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
  }

  #turn(): void {
    this.#now = (this.#now + 1) % SLOTS;
    for (const item of this.#slots[this.#now] ?? []) this.#visit(item);
  }

  #slotOf(item: T): Set<T> {
    const slot = this.#slots[item.slot];
    if (slot === undefined) throw new RangeError(`no slot ${item.slot} in a wheel of ${SLOTS}`);
    return slot;
  }
}
