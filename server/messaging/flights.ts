import { handOver } from './hand-over.ts';
import type { Message } from './message.ts';
import type { Delivery } from './pubsub.ts';

/** How a delivery is settled with whoever keeps the message. */
export type Settle = {
  ack(): Promise<void>;
  nack(delayMs: number): void;
  /** The message is still worked on. */
  working?(): void;
};

type Flight = { readonly abort: AbortController; readonly working: () => void; giveBack(): void };

const RECEIVER_ERROR_DELAY_MS = 1_000;

/** The deliveries of one subscription that are under way: at most so many, each settled once, given back at the end. */
export class Flights {
  readonly #receive: (delivery: Delivery) => void;
  readonly #max: number;
  readonly #onReceiverError: (error: unknown, message: Message) => void;
  readonly #underWay = new Set<Flight>();
  /** Acks that the broker has not confirmed yet. */
  #unconfirmed = 0;
  #onLanded: (() => void)[] = [];

  constructor(
    receive: (delivery: Delivery) => void,
    max: number,
    onReceiverError: (error: unknown, message: Message) => void = () => undefined,
  ) {
    this.#receive = receive;
    this.#max = max;
    this.#onReceiverError = onReceiverError;
  }

  get free(): number {
    return this.#max - this.#underWay.size;
  }

  /** Resolves when there is room for another delivery. */
  async room(): Promise<void> {
    while (this.free <= 0) await this.#landed();
  }

  begin(message: Message, attempt: number, settle: Settle): void {
    const abort = new AbortController();
    let confirming: Promise<void> | undefined;
    const nack = (delayMs = 0): void => {
      if (!this.#underWay.delete(flight)) return;
      settle.nack(delayMs);
      this.#tellLanded();
    };
    const flight: Flight = { abort, working: () => settle.working?.(), giveBack: nack };
    this.#underWay.add(flight);
    const delivery: Delivery = {
      message,
      attempt,
      signal: abort.signal,
      ack: () => {
        if (this.#underWay.delete(flight)) {
          confirming = this.#confirm(settle);
          // Who does not look at the outcome of an ack is not to be ended by it: the message just comes again.
          confirming.catch(() => undefined);
          this.#tellLanded();
        }
        return confirming ?? Promise.resolve();
      },
      nack: async (delayMs) => nack(delayMs),
    };
    handOver(this.#receive, delivery, (error) => {
      nack(RECEIVER_ERROR_DELAY_MS);
      this.#onReceiverError(error, message);
    });
  }

  /** Tells whoever keeps the messages that those under way are still worked on. */
  stillWorking(): void {
    for (const { working } of this.#underWay) working();
  }

  /** Waits until all is settled and confirmed, at most `graceMs`; then aborts and gives back what is left. */
  async close(graceMs: number): Promise<void> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#tellLanded();
    }, graceMs);
    while (!late && (this.#underWay.size > 0 || this.#unconfirmed > 0)) await this.#landed();
    clearTimeout(timer);
    for (const { abort, giveBack } of [...this.#underWay]) {
      abort.abort(new Error('The subscription is closed'));
      giveBack();
    }
  }

  /** Room is there at once; whoever closes waits until the broker knows too. */
  async #confirm(settle: Settle): Promise<void> {
    this.#unconfirmed += 1;
    try {
      await settle.ack();
    } finally {
      this.#unconfirmed -= 1;
      this.#tellLanded();
    }
  }

  #landed(): Promise<void> {
    return new Promise((resolve) => this.#onLanded.push(resolve));
  }

  #tellLanded(): void {
    for (const resolve of this.#onLanded.splice(0)) resolve();
  }
}
