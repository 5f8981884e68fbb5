import type { Message } from './message.ts';

/** Sends messages. */
export interface Publisher {
  /**
   * Publishes to `message.topic`, and returns when the broker has taken all messages. Throws when it did not
   * (`BrokerUnavailableError`, `BacklogFullError`, `PubSubClosedError`, `InvalidTopicError`, `MessageTooLargeError`); some
   * may have been taken, so the caller publishes all again.
   */
  publish(...messages: Message[]): Promise<void>;
  close(): Promise<void>;
}

/** One delivery of a message to one subscription. Exactly one of `ack` and `nack` counts: the first. */
export interface Delivery {
  readonly message: Message;
  /** 1 for the first delivery, one more with each redelivery. */
  readonly attempt: number;
  /** Aborted when the subscription closes without waiting any longer. */
  readonly signal: AbortSignal;
  /**
   * The message is done with. Resolves when the broker can be trusted to know; rejects with
   * `BrokerUnavailableError` when it may not know, and then the message may come again. Need not be awaited.
   */
  ack(): Promise<void>;
  /** The message is to come again, after `delayMs` (default 0). Never rejects. */
  nack(delayMs?: number): Promise<void>;
}

export type SubscribeOptions = {
  /**
   * Subscriptions of one group compete: each message goes to one of them, at least once and in any order, and what is
   * published while none is there is kept for them. Without a group a subscription listens: it gets what is published
   * from now on, at most once and without redelivery (`ack`, `nack` and `maxInFlight` mean nothing); `onGap` tells when
   * something may have been missed.
   */
  readonly group?: string | undefined;
  /** Listens to the messages of this key only: a cheap interest in a few keys out of very many. Goes without `group`. */
  readonly key?: string | undefined;
  /** Deliveries of a group under way at once, neither acked nor nacked. Default 1. */
  readonly maxInFlight?: number | undefined;
  /** Messages may have been missed (the connection to the broker was lost and is back): read the truth again. */
  readonly onGap?: (() => void) | undefined;
};

/** Receives messages. */
export interface Subscriber {
  /**
   * Resolves when the subscription is in force: what is published after that is delivered. A `receive` that throws,
   * or returns a promise that rejects, has nacked with a delay of a second.
   */
  subscribe(topic: string, receive: (delivery: Delivery) => void, options?: SubscribeOptions): Promise<Subscription>;
  /** Closes all subscriptions with their default grace. */
  close(): Promise<void>;
}

export interface Subscription {
  /** Takes no new deliveries, waits for those under way (at most `graceMs`, default 5,000), then aborts them. */
  close(graceMs?: number): Promise<void>;
}
