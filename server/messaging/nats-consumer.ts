import {
  AckPolicy,
  DeliverPolicy,
  type ConsumerMessages,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { BrokerUnavailableError } from './errors.ts';
import { Flights } from './flights.ts';
import type { Logger } from './handler.ts';
import { typed } from './nats-answer.ts';
import { PATIENCE } from './nats-connection.ts';
import { fromWire } from './nats-wire.ts';
import type { Delivery, Subscription } from './pubsub.ts';
import { retry } from './retry.ts';

export type ConsumerOptions = {
  readonly manager: JetStreamManager;
  readonly client: JetStreamClient;
  /** Makes the stream again where it is gone. */
  readonly prepare: () => Promise<void>;
  readonly stream: string;
  readonly topic: string;
  readonly filter: string;
  readonly group: string;
  readonly maxInFlight: number;
  readonly ackWaitMs: number;
  readonly logger?: Logger | undefined;
};

/** Unsettled messages of a group in all processes together. */
const MAX_ACK_PENDING = 1_000;
/** How long the broker keeps a request for messages, and how often it says meanwhile that it does. */
const EXPIRES_MS = 5_000;
const HEARTBEAT_MS = 1_000;
/** What the client tells of a consumer that gives nothing more. It would try to mend that itself, more slowly. */
const SIGNS_OF_TROUBLE: readonly string[] = [
  'heartbeats_missed',
  'no_responders',
  'consumer_deleted',
  'stream_not_found',
];
const ACK_TIMEOUT_MS = 5_000;
const MAKE_ATTEMPTS = 4;

/**
 * A member of a group: a durable pull consumer at the broker, from which it takes as many messages as its receiver has room
 * for. Redelivery is the broker's. A consumer that has gone is made again.
 */
export class NatsConsumer implements Subscription {
  readonly #options: ConsumerOptions;
  readonly #flights: Flights;
  readonly #closed = new AbortController();
  readonly #working: NodeJS.Timeout;
  #messages: ConsumerMessages | undefined;
  #running: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;
  /** Why no messages can come, if it is known. */
  failure: unknown;

  constructor(options: ConsumerOptions, receive: (delivery: Delivery) => void) {
    this.#options = options;
    this.#flights = new Flights(receive, options.maxInFlight, (err, { id }) =>
      options.logger?.error({ err, messageId: id }, 'a receiver threw'),
    );
    this.#working = setInterval(() => this.#flights.stillWorking(), options.ackWaitMs / 3);
  }

  /** Makes the consumer at the broker and begins to take. Throws what the broker says if it can't; close it then. */
  async open(): Promise<void> {
    // Several processes that make the same consumer at once may trip over each other.
    const messages = await retry(() => this.#make(), { maxOutages: MAKE_ATTEMPTS, signal: this.#closed.signal });
    this.#running = this.#run(messages);
  }

  /** False while messages can't come. */
  get live(): boolean {
    return this.#messages !== undefined;
  }

  close(graceMs = 5_000): Promise<void> {
    return (this.#closing ??= this.#close(graceMs));
  }

  async #close(graceMs: number): Promise<void> {
    this.#closed.abort(new Error('The subscription is closed'));
    this.#messages?.stop();
    await this.#flights.close(graceMs);
    await this.#running;
    clearInterval(this.#working);
  }

  /** Takes messages until it is closed, through the loss of its consumer. */
  async #run(first: ConsumerMessages): Promise<void> {
    const { topic, group, logger } = this.#options;
    for (let messages = first; !this.#closed.signal.aborted;) {
      this.#messages = messages;
      this.failure = undefined;
      void this.#watch(messages);
      try {
        await this.#take(messages);
      } catch (error) {
        this.failure = error;
      }
      this.#messages = undefined;
      if (this.#closed.signal.aborted) return;
      logger?.warn({ err: this.failure, topic, group }, 'the consumer is to be made again');
      try {
        messages = await retry(() => this.#make(), {
          ...PATIENCE,
          maxAttempts: Infinity,
          signal: this.#closed.signal,
          onRetry: (error) => (this.failure = error),
        });
      } catch (error) {
        this.failure = error;
        if (!this.#closed.signal.aborted) logger?.error({ err: error, topic, group }, 'the consumer can not be made');
        return;
      }
    }
    first.stop();
  }

  async #take(messages: ConsumerMessages): Promise<void> {
    for await (const message of messages) {
      if (this.#flights.free <= 0) await this.#flights.room();
      if (this.#closed.signal.aborted) message.nak();
      else this.#begin(message);
    }
  }

  async #watch(messages: ConsumerMessages): Promise<void> {
    for await (const { type } of messages.status()) {
      if (SIGNS_OF_TROUBLE.includes(type)) messages.stop(new BrokerUnavailableError(`The consumer is gone: ${type}`));
    }
  }

  #begin(message: JsMsg): void {
    const { stream, topic } = this.#options;
    this.#flights.begin(fromWire(message, topic, `${stream}:${message.seq}`), message.info.deliveryCount, {
      // A double ack: only the broker's answer tells that the message will not come again after a restart.
      ack: async () => {
        try {
          await message.ackAck({ timeout: ACK_TIMEOUT_MS });
        } catch (cause) {
          const what = `The broker did not confirm the ack of message ${message.seq}; it may come again`;
          throw new BrokerUnavailableError(what, { cause });
        }
      },
      nack: (delayMs) => message.nak(delayMs),
      working: () => message.working(),
    });
  }

  async #make(): Promise<ConsumerMessages> {
    const { manager, client, prepare, stream, topic, filter, group, maxInFlight, ackWaitMs } = this.#options;
    const name = durableName(group, topic);
    try {
      await prepare();
      await manager.consumers.add(stream, {
        durable_name: name,
        filter_subject: filter,
        ack_policy: AckPolicy.Explicit,
        ack_wait: nanos(ackWaitMs),
        deliver_policy: DeliverPolicy.All,
        max_ack_pending: MAX_ACK_PENDING,
        max_deliver: -1,
      });
      const consumer = await client.consumers.get(stream, name);
      return await consumer.consume({
        max_messages: maxInFlight,
        expires: EXPIRES_MS,
        idle_heartbeat: HEARTBEAT_MS,
        bind: true,
      });
    } catch (error) {
      throw typed(error);
    }
  }
}

/** `projector@posts%2Ecreated`: as legible as the characters that JetStream allows in a name let it be. */
export function durableName(group: string, topic: string): string {
  return `${encodeURIComponent(group.toWellFormed()).replaceAll('.', '%2E').replaceAll('*', '%2A')}@${topic.replaceAll('.', '%2E')}`;
}
