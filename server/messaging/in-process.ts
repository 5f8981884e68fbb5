import { DeliveryQueue } from './delivery-queue.ts';
import { BacklogFullError, InvalidTopicError, PubSubClosedError } from './errors.ts';
import { handOver, unsettled } from './hand-over.ts';
import type { Message } from './message.ts';
import type { Delivery, Publisher, Subscriber, SubscribeOptions, Subscription } from './pubsub.ts';

export type InProcessOptions = {
  /** Messages kept for a group that is behind or away; with more, `publish` rejects. Default 100,000. */
  readonly maxBacklog?: number;
  /** Messages of a topic kept until its first group comes; with more, the oldest go. Default 1,000. */
  readonly maxUnclaimed?: number;
  /** Messages waiting for a subscription without a group; with more, new ones are dropped and `onGap` called. 10,000. */
  readonly maxFanOutBacklog?: number;
  /** How long the ids of each topic are remembered to publish each once. Default 2 minutes, as JetStream's. */
  readonly deduplicationMs?: number;
  /** Bound of the ids remembered for each topic; with more, the oldest are forgotten earlier. Default 10,000. */
  readonly deduplicationIds?: number;
  /** A receiver threw, or an `onGap` did. */
  readonly onError?: (error: unknown) => void;
};

/**
 * Publisher and subscriber within one process: the embedded default, and the twin of every broker in tests.
 * A group lives as long as the process does. Nothing is written anywhere.
 */
export class InProcessPubSub implements Publisher, Subscriber {
  readonly #options: Required<InProcessOptions>;
  readonly #topics = new Map<string, Topic>();
  readonly #open = new Set<Subscription>();
  #closing: Promise<void> | undefined;

  constructor(options: InProcessOptions = {}) {
    this.#options = {
      maxBacklog: 100_000,
      maxUnclaimed: 1_000,
      maxFanOutBacklog: 10_000,
      deduplicationMs: 120_000,
      deduplicationIds: 10_000,
      onError: () => undefined,
      ...options,
    };
  }

  async publish(...messages: Message[]): Promise<void> {
    for (const message of messages) {
      if (this.#closing) throw new PubSubClosedError('The in-process pub/sub is closed');
      this.#take(message);
    }
  }

  async subscribe(
    topic: string,
    receive: (delivery: Delivery) => void,
    options: SubscribeOptions = {},
  ): Promise<Subscription> {
    if (this.#closing) throw new PubSubClosedError('The in-process pub/sub is closed');
    if (options.group !== undefined && options.key !== undefined)
      throw new InvalidTopicError(`A subscription of ${topic} has a group or a key, not both`);
    const state = this.#topic(topic);
    const inner =
      options.key !== undefined
        ? subscribeToKey(state, options.key, receive, this.#options.onError)
        : options.group !== undefined
          ? this.#group(state, options.group).join(receive, options.maxInFlight)
          : this.#fanOut(state, receive, options);
    const subscription: Subscription = {
      close: async (graceMs) => {
        await inner.close(graceMs);
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
    for (const { groups } of this.#topics.values()) for (const group of groups.values()) group.close();
    this.#topics.clear();
  }

  #take(message: Message): void {
    const topic = this.#topic(message.topic);
    if (this.#isKnown(topic, message)) return;
    for (const [name, group] of topic.groups) {
      if (group.size >= this.#options.maxBacklog)
        throw new BacklogFullError(`Group ${name} of topic ${message.topic} is ${group.size} messages behind`);
    }
    topic.seen.set(message.id, performance.now());
    for (const group of topic.groups.values()) group.push({ message, deliveredBefore: 0 });
    if (topic.groups.size === 0) {
      topic.unclaimed.push(message);
      if (topic.unclaimed.length > this.#options.maxUnclaimed) topic.unclaimed.shift();
    }
    for (const fanOut of topic.fanOuts) fanOut(message);
    for (const receive of topic.keys.get(message.key) ?? []) receive(message);
  }

  #isKnown({ seen }: Topic, { id }: Message): boolean {
    const since = performance.now() - this.#options.deduplicationMs;
    for (const [oldest, at] of seen) {
      if (at > since && seen.size < this.#options.deduplicationIds) break;
      seen.delete(oldest);
    }
    return seen.has(id);
  }

  #topic(name: string): Topic {
    let topic = this.#topics.get(name);
    if (!topic) {
      topic = { groups: new Map(), fanOuts: new Set(), keys: new Map(), unclaimed: [], seen: new Map() };
      this.#topics.set(name, topic);
    }
    return topic;
  }

  /** The first group of a topic gets what was published before it came. */
  #group(topic: Topic, name: string): DeliveryQueue {
    let group = topic.groups.get(name);
    if (!group) {
      group = new DeliveryQueue({ onReceiverError: this.#options.onError });
      topic.groups.set(name, group);
      for (const message of topic.unclaimed.splice(0)) group.push({ message, deliveredBefore: 0 });
    }
    return group;
  }

  #fanOut(topic: Topic, receive: (delivery: Delivery) => void, options: SubscribeOptions): Subscription {
    const { maxFanOutBacklog, onError } = this.#options;
    const queue = new DeliveryQueue({ onReceiverError: onError });
    const member = queue.join(receive, options.maxInFlight);
    let dropping = false;
    const take = (message: Message): void => {
      const full = queue.size >= maxFanOutBacklog;
      if (!full) queue.push({ message, deliveredBefore: 0 });
      // Told when the gap opens and when it is over, however many messages fell into it.
      if (full !== dropping) reportTo(onError, () => options.onGap?.());
      dropping = full;
    };
    topic.fanOuts.add(take);
    return {
      close: async (graceMs) => {
        topic.fanOuts.delete(take);
        await member.close(graceMs);
        queue.close();
      },
    };
  }
}

type Topic = {
  readonly groups: Map<string, DeliveryQueue>;
  readonly fanOuts: Set<(message: Message) => void>;
  readonly keys: Map<string, Set<(message: Message) => void>>;
  readonly unclaimed: Message[];
  /** Ids and when they were taken, oldest first. */
  readonly seen: Map<string, number>;
};

/** At most once, so there is nothing to keep: the message is handed over, and that is all. */
function subscribeToKey(
  { keys }: Topic,
  key: string,
  receive: (delivery: Delivery) => void,
  onError: (error: unknown) => void,
): Subscription {
  const abort = new AbortController();
  const take = (message: Message): void =>
    queueMicrotask(() => {
      if (!abort.signal.aborted) handOver(receive, unsettled(message, abort.signal), onError);
    });
  const receivers = keys.get(key) ?? new Set();
  keys.set(key, receivers.add(take));
  return {
    close: async () => {
      receivers.delete(take);
      if (receivers.size === 0 && keys.get(key) === receivers) keys.delete(key);
      abort.abort();
    },
  };
}

function reportTo(onError: (error: unknown) => void, run: () => void): void {
  try {
    run();
  } catch (error) {
    onError(error);
  }
}
