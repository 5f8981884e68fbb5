import { handOver } from './hand-over.ts';
import { KeyedQueue, type Entry } from './keyed-queue.ts';
import type { Message } from './message.ts';
import type { Delivery, Subscription } from './pubsub.ts';

/** A message that waits for its delivery, and what to tell the broker when it is done. */
export type Pending = {
  readonly message: Message;
  /** How often it was delivered before it came into this queue. */
  readonly deliveredBefore: number;
  /** Tells the broker; without it there is none to tell. */
  readonly confirm?: () => Promise<void>;
};

export type DeliveryQueueOptions = {
  /** A receiver threw instead of settling its delivery: the message comes again after a second. */
  readonly onReceiverError?: (error: unknown, message: Message) => void;
  /** The queue has room again: an item is finished, or was set aside. */
  readonly onRoom?: () => void;
};

type Item = Pending & { deliveries: number };

const RECEIVER_ERROR_DELAY_MS = 1_000;
/** Deliveries in one turn of the event loop, so that a long queue of quick receivers can't starve the rest. */
const TURN = 256;

/**
 * What every adapter needs between its broker and its receivers: order per key, competing members with a bound
 * each, redelivery here in the process (which is what keeps the order per key after a nack), grace at the end.
 */
export class DeliveryQueue {
  readonly #options: DeliveryQueueOptions;
  readonly #queue = new KeyedQueue<Item>();
  readonly #delays = new Set<NodeJS.Timeout>();
  readonly #members: Member[] = [];
  #running = 0;
  #turnScheduled = false;
  #closed = false;

  constructor(options: DeliveryQueueOptions = {}) {
    this.#options = options;
  }

  /** All that is not done: waiting, set aside until its delay is over, and under way. */
  get size(): number {
    return this.#queue.size;
  }

  /** What occupies the receivers: under way, or free to be delivered. What waits behind its key does not count. */
  get load(): number {
    return this.#running + this.#queue.ready;
  }

  push(pending: Pending): void {
    this.#queue.push(pending.message.key, { ...pending, deliveries: pending.deliveredBefore });
    this.#schedule();
  }

  /** Adds a competing member. Its subscription's `close` gives back what it has not settled within the grace. */
  join(receive: (delivery: Delivery) => void, maxInFlight = 1): Subscription {
    const member: Member = { receive, maxInFlight, flights: new Set(), unconfirmed: 0, open: true };
    this.#members.push(member);
    this.#schedule();
    let closing: Promise<void> | undefined;
    return { close: (graceMs = 5_000) => (closing ??= this.#leave(member, graceMs)) };
  }

  /** Ends all delays and gives back what is not done, in order per key. Members are to be closed before. */
  close(): Pending[] {
    this.#closed = true;
    for (const timer of this.#delays) clearTimeout(timer);
    this.#delays.clear();
    return [...this.#queue];
  }

  #schedule(): void {
    if (this.#turnScheduled || this.#closed) return;
    this.#turnScheduled = true;
    queueMicrotask(() => this.#turn());
  }

  #turn(): void {
    for (let count = 0; count < TURN; count += 1) {
      const member = this.#closed || this.#queue.ready === 0 ? undefined : this.#freeMember();
      const entry = member && this.#queue.take();
      if (!member || !entry) {
        this.#turnScheduled = false;
        return;
      }
      this.#deliver(member, entry);
    }
    setImmediate(() => this.#turn());
  }

  /** The open member with room that has the fewest under way; the longest idle first. */
  #freeMember(): Member | undefined {
    let best: Member | undefined;
    for (const member of this.#members) {
      if (
        member.open &&
        member.flights.size < member.maxInFlight &&
        member.flights.size < (best?.flights.size ?? Infinity)
      )
        best = member;
    }
    if (best && this.#members.length > 1) {
      this.#members.splice(this.#members.indexOf(best), 1);
      this.#members.push(best);
    }
    return best;
  }

  #deliver(member: Member, entry: Entry<Item>): void {
    const item = entry.value;
    item.deliveries += 1;
    this.#running += 1;
    const abort = new AbortController();
    const settle = (): boolean => {
      if (!member.flights.delete(flight)) return false;
      this.#running -= 1;
      return true;
    };
    const nack = (delayMs = 0): void => {
      if (!settle()) return;
      this.#comeAgain(entry, delayMs);
      member.onSettled?.();
    };
    const flight: Flight = { abort, giveBack: nack, confirming: undefined };
    member.flights.add(flight);
    const delivery: Delivery = {
      message: item.message,
      attempt: item.deliveries,
      signal: abort.signal,
      ack: () => {
        if (settle()) flight.confirming = this.#finish(member, entry);
        // Who does not look at the outcome of an ack is not to be ended by it: the message just comes again.
        flight.confirming?.catch(() => undefined);
        return flight.confirming ?? Promise.resolve();
      },
      nack: (delayMs) => Promise.resolve(nack(delayMs)),
    };
    handOver(member.receive, delivery, (error) => {
      nack(RECEIVER_ERROR_DELAY_MS);
      this.#options.onReceiverError?.(error, item.message);
    });
  }

  /** The next of the key does not wait until the broker knows; whoever closes the member does. */
  async #finish(member: Member, entry: Entry<Item>): Promise<void> {
    this.#queue.finish(entry);
    this.#options.onRoom?.();
    this.#schedule();
    member.unconfirmed += 1;
    try {
      await entry.value.confirm?.();
    } finally {
      member.unconfirmed -= 1;
      member.onSettled?.();
    }
  }

  #comeAgain(entry: Entry<Item>, delayMs: number): void {
    const restore = (): void => {
      this.#queue.restore(entry);
      this.#schedule();
    };
    if (this.#closed) return;
    if (!(delayMs > 0)) return restore();
    const timer = setTimeout(() => {
      this.#delays.delete(timer);
      restore();
    }, delayMs);
    this.#delays.add(timer);
    this.#options.onRoom?.();
    this.#schedule();
  }

  async #leave(member: Member, graceMs: number): Promise<void> {
    member.open = false;
    await settledWithin(member, graceMs);
    for (const flight of [...member.flights]) {
      flight.abort.abort(new Error('The subscription is closed'));
      flight.giveBack();
    }
    this.#members.splice(this.#members.indexOf(member), 1);
  }
}

type Flight = { readonly abort: AbortController; giveBack(): void; confirming: Promise<void> | undefined };

type Member = {
  readonly receive: (delivery: Delivery) => void;
  readonly maxInFlight: number;
  readonly flights: Set<Flight>;
  unconfirmed: number;
  open: boolean;
  onSettled?: () => void;
};

function settledWithin(member: Member, graceMs: number): Promise<void> {
  const idle = (): boolean => member.flights.size === 0 && member.unconfirmed === 0;
  if (idle()) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      member.onSettled = undefined;
      resolve();
    };
    const timer = setTimeout(done, graceMs);
    member.onSettled = () => {
      if (idle()) done();
    };
  });
}
