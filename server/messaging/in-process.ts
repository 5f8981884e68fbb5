import { BacklogFullError, InvalidTopicError, PubSubClosedError } from './errors.ts';
import { Flights } from './flights.ts';
import { handOver, unsettled } from './hand-over.ts';
import type { Message } from './message.ts';
import type { Delivery, Publisher, Subscriber, SubscribeOptions, Subscription } from './pubsub.ts';

export type InProcessOptions = {
  /** Messages kept for a group that is behind or away; with more, `publish` rejects. Default 100,000. */
  readonly maxBacklog?: number | undefined;
  /** A receiver threw. */
  readonly onError?: ((error: unknown) => void) | undefined;
};

/**
 * Publisher and subscriber within one process: the embedded default, and the twin of every broker in tests. A group is
 * there from its first subscription until the pub/sub is closed. Nothing is written anywhere.
 */
export class InProcessPubSub implements Publisher, Subscriber {
  readonly #maxBacklog: number;
  readonly #onError: (error: unknown) => void;
  readonly #groups = new Map<string, Map<string, Group>>();
  /** By topic, and by topic and key. */
  readonly #listeners = new Map<string, Set<(message: Message) => void>>();
  readonly #open = new Set<Subscription>();
  #closing: Promise<void> | undefined;

  constructor({ maxBacklog = 100_000, onError = () => undefined }: InProcessOptions = {}) {
    this.#maxBacklog = maxBacklog;
    this.#onError = onError;
  }

  async publish(...messages: Message[]): Promise<void> {
    for (const message of messages) {
      if (this.#closing) throw closed();
      const groups = this.#groups.get(message.topic) ?? new Map<string, Group>();
      for (const [name, { size }] of groups) {
        if (size >= this.#maxBacklog)
          throw new BacklogFullError(`Group ${name} of topic ${message.topic} is ${size} messages behind`);
      }
      for (const group of groups.values()) group.push(message);
      for (const tell of this.#listeners.get(nameOf(message.topic)) ?? []) tell(message);
      for (const tell of this.#listeners.get(nameOf(message.topic, message.key)) ?? []) tell(message);
    }
  }

  async subscribe(
    topic: string,
    receive: (delivery: Delivery) => void,
    { group, key, maxInFlight }: SubscribeOptions = {},
  ): Promise<Subscription> {
    if (this.#closing) throw closed();
    if (group !== undefined && key !== undefined)
      throw new InvalidTopicError(`A subscription of ${topic} has a group or a key, not both`);
    const close =
      group === undefined
        ? this.#listen(nameOf(topic, key), receive)
        : this.#group(topic, group).join(new Flights(receive, maxInFlight ?? 1, this.#onError));
    const subscription: Subscription = {
      close: async (graceMs = 5_000) => {
        await close(graceMs);
        this.#open.delete(subscription);
      },
    };
    this.#open.add(subscription);
    return subscription;
  }

  /** Waits for what is under way, then forgets everything: groups are gone with what was kept for them. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#open].map((subscription) => subscription.close()));
    for (const groups of this.#groups.values()) for (const group of groups.values()) group.close();
    this.#groups.clear();
  }

  #group(topic: string, name: string): Group {
    const groups = this.#groups.get(topic) ?? new Map<string, Group>();
    this.#groups.set(topic, groups);
    const group = groups.get(name) ?? new Group();
    groups.set(name, group);
    return group;
  }

  /** At most once: the message is handed over, and that is all. */
  #listen(name: string, receive: (delivery: Delivery) => void): () => void {
    const abort = new AbortController();
    const tell = (message: Message): void =>
      queueMicrotask(() => {
        if (!abort.signal.aborted) handOver(receive, unsettled(message, abort.signal), this.#onError);
      });
    const tellers = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, tellers.add(tell));
    return () => {
      tellers.delete(tell);
      if (tellers.size === 0 && this.#listeners.get(name) === tellers) this.#listeners.delete(name);
      abort.abort();
    };
  }
}

type Waiting = { readonly message: Message; readonly attempt: number };

/** Deliveries in one turn of the event loop, so that a long queue of quick receivers can't starve the rest. */
const TURN = 256;

/** What is kept for a group, and its members, who take from it as they have room. */
class Group {
  /** A queue that is taken from at `#next`; what lies before that is cut off from time to time. */
  readonly #waiting: Waiting[] = [];
  #next = 0;
  readonly #members: Flights[] = [];
  readonly #delays = new Set<NodeJS.Timeout>();
  #isTurnDue = false;

  get size(): number {
    return this.#waiting.length - this.#next + this.#delays.size;
  }

  push(message: Message, attempt = 1): void {
    this.#waiting.push({ message, attempt });
    this.#schedule();
  }

  /** Adds a member; the function returned takes it out. */
  join(member: Flights): (graceMs: number) => Promise<void> {
    this.#members.push(member);
    this.#schedule();
    return async (graceMs) => {
      const index = this.#members.indexOf(member);
      if (index >= 0) this.#members.splice(index, 1);
      await member.close(graceMs);
    };
  }

  close(): void {
    for (const timer of this.#delays) clearTimeout(timer);
  }

  #schedule(): void {
    if (this.#isTurnDue) return;
    this.#isTurnDue = true;
    queueMicrotask(() => this.#turn());
  }

  #turn(): void {
    for (let count = 0; count < TURN; count += 1) {
      const waiting = this.#waiting[this.#next];
      const member = waiting && this.#roomiest();
      if (!waiting || !member) {
        this.#isTurnDue = false;
        return this.#tidy();
      }
      this.#next += 1;
      this.#deliver(member, waiting);
    }
    this.#tidy();
    setImmediate(() => this.#turn());
  }

  /** The member with the most room, the longest idle first; undefined where none has any. */
  #roomiest(): Flights | undefined {
    let best: Flights | undefined;
    for (const member of this.#members) if (member.free > (best?.free ?? 0)) best = member;
    if (best && this.#members.length > 1) {
      this.#members.splice(this.#members.indexOf(best), 1);
      this.#members.push(best);
    }
    return best;
  }

  #deliver(member: Flights, { message, attempt }: Waiting): void {
    member.begin(message, attempt, {
      ack: async () => this.#schedule(),
      nack: (delayMs) => {
        if (!(delayMs > 0)) return this.push(message, attempt + 1);
        const timer = setTimeout(() => {
          this.#delays.delete(timer);
          this.push(message, attempt + 1);
        }, delayMs);
        this.#delays.add(timer);
        this.#schedule();
      },
    });
  }

  #tidy(): void {
    if (this.#next * 2 <= this.#waiting.length) return;
    this.#waiting.splice(0, this.#next);
    this.#next = 0;
  }
}

const nameOf = (topic: string, key?: string): string => JSON.stringify([topic, key]);

const closed = (): PubSubClosedError => new PubSubClosedError('The in-process pub/sub is closed');
