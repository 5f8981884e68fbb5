/**
 * A queue that gives out the items of one key one after another, and items of different keys side by side.
 *
 * Each key has a lane (a linked list). Of a lane only the head can be taken; the lane is busy until that item is
 * `finish`ed (the next one moves up) or `restore`d (the same one comes again, first of its lane). Among the lanes
 * that are ready the one with the oldest head goes first, so with one taker the whole queue is in order.
 * Adding and taking cost O(log lanes).
 */
export type Entry<T> = { readonly value: T; readonly key: string; readonly sequence: number; next?: Entry<T> };

type Lane<T> = { head: Entry<T>; tail: Entry<T> };

export class KeyedQueue<T> {
  readonly #lanes = new Map<string, Lane<T>>();
  /** Heads that can be taken: a binary heap by sequence. */
  readonly #ready: Entry<T>[] = [];
  #sequence = 0;
  #size = 0;

  /** All items: ready, taken, set aside, and waiting behind those of their key. */
  get size(): number {
    return this.#size;
  }

  /** Items that `take` would give out now. */
  get ready(): number {
    return this.#ready.length;
  }

  push(key: string, value: T): void {
    const entry: Entry<T> = { value, key, sequence: this.#sequence++ };
    const lane = this.#lanes.get(key);
    this.#size += 1;
    if (lane) {
      lane.tail.next = entry;
      lane.tail = entry;
      return;
    }
    this.#lanes.set(key, { head: entry, tail: entry });
    siftUp(this.#ready, entry);
  }

  take(): Entry<T> | undefined {
    return popFirst(this.#ready);
  }

  /** The taken item is done with: the next of its key is ready. */
  finish(entry: Entry<T>): void {
    const lane = this.#laneOf(entry);
    this.#size -= 1;
    if (!entry.next) {
      this.#lanes.delete(entry.key);
      return;
    }
    lane.head = entry.next;
    siftUp(this.#ready, entry.next);
  }

  /** The taken item is to be given out again, before all others of its key. */
  restore(entry: Entry<T>): void {
    this.#laneOf(entry);
    siftUp(this.#ready, entry);
  }

  /** Every item, whatever its state; those of one key in order. */
  *[Symbol.iterator](): Generator<T> {
    for (const lane of this.#lanes.values()) {
      for (let entry: Entry<T> | undefined = lane.head; entry; entry = entry.next) yield entry.value;
    }
  }

  #laneOf(entry: Entry<T>): Lane<T> {
    const lane = this.#lanes.get(entry.key);
    if (lane?.head !== entry) throw new Error(`Item ${entry.sequence} of key ${entry.key} is not the head of its lane`);
    return lane;
  }
}

type Sequenced = { readonly sequence: number };

function siftUp<E extends Sequenced>(heap: E[], added: E): void {
  let index = heap.push(added) - 1;
  while (index > 0) {
    const up = (index - 1) >> 1;
    const parent = heap[up] as E;
    if (parent.sequence <= added.sequence) break;
    heap[index] = parent;
    index = up;
  }
  heap[index] = added;
}

function popFirst<E extends Sequenced>(heap: E[]): E | undefined {
  const first = heap[0];
  const moved = heap.pop();
  if (moved === undefined || heap.length === 0) return first;
  let index = 0;
  for (;;) {
    let child = 2 * index + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && (heap[child + 1] as E).sequence < (heap[child] as E).sequence) child += 1;
    if ((heap[child] as E).sequence >= moved.sequence) break;
    heap[index] = heap[child] as E;
    index = child;
  }
  heap[index] = moved;
  return first;
}
