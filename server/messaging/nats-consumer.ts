import {
  AckPolicy,
  DeliverPolicy,
  type Consumer,
  type ConsumerConfig,
  type ConsumerMessages,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { DeliveryQueue } from './delivery-queue.ts';
import { BrokerUnavailableError } from './errors.ts';
import type { Logger } from './handler.ts';
import { typed } from './nats-answer.ts';
import { fromWire } from './nats-wire.ts';
import type { Delivery, Subscription } from './pubsub.ts';
import { retry } from './retry.ts';

export type ConsumerOptions = {
  readonly manager: JetStreamManager;
  readonly client: JetStreamClient;
  readonly stream: string;
  readonly topic: string;
  readonly filter: string;
  /** Undefined for a subscription of its own, which starts with what is published from now on. */
  readonly group?: string;
  readonly maxInFlight: number;
  readonly ackWaitMs: number;
  readonly onGap?: () => void;
  readonly logger?: Logger;
};

/** Unsettled messages of a group in all processes, those waiting behind their key and for a delay included. */
const MAX_HELD = 1_000;
const EXPIRES_MS = 5_000;
const ACK_TIMEOUT_MS = 5_000;
const REMAKE_DELAY_MS = 250;
const MAKE_ATTEMPTS = 4;

/**
 * One subscription of a JetStream topic: a pull consumer at the broker, a `DeliveryQueue` here.
 *
 * Pulls as many messages as the receiver has room for. What waits behind its key or for its delay is held here, with
 * the broker told every third of the ack wait that it is still worked on, since giving it back would lose the order.
 * A group's consumer is durable and wants acks; that of a single subscription is neither, and is made anew, behind the
 * last message seen, whenever something may have gone wrong. A consumer that has gone is made again.
 */
export class NatsConsumer implements Subscription {
  readonly #options: ConsumerOptions;
  readonly #queue: DeliveryQueue;
  readonly #member: Subscription;
  readonly #held = new Map<number, { message: JsMsg }>();
  readonly #pulls = new Set<ConsumerMessages>();
  readonly #heartbeat: NodeJS.Timeout;
  #consumer: Consumer | undefined;
  #making: Promise<void> | undefined;
  #remakeTimer: NodeJS.Timeout | undefined;
  #requested = 0;
  #lastSeen: number | undefined;
  #connected = true;
  #closing: Promise<void> | undefined;
  /** Why it is not live, if it is known. */
  failure: Error | undefined;

  constructor(options: ConsumerOptions, receive: (delivery: Delivery) => void) {
    this.#options = options;
    this.#queue = new DeliveryQueue({
      onRoom: () => this.#pull(),
      onReceiverError: (err, { id }) => options.logger?.error({ err, messageId: id }, 'a receiver threw'),
    });
    this.#member = this.#queue.join(receive, options.maxInFlight);
    this.#heartbeat = setInterval(() => this.#stillWorking(), options.ackWaitMs / 3);
  }

  /** Makes the consumer at the broker and begins to pull. Throws what the broker says if it can't; close it then. */
  async open(): Promise<void> {
    // Several processes that make the same consumer at once may trip over each other.
    await retry(() => this.#make(), { maxOutages: MAKE_ATTEMPTS });
    this.#pull();
  }

  /** False while messages can't come. */
  get live(): boolean {
    return this.#connected && this.#consumer !== undefined;
  }

  /** The connection is lost: what was asked for will not come. */
  disconnected(): void {
    this.#connected = false;
    if (!this.#options.group) this.#consumer = undefined;
    for (const pull of this.#pulls) pull.stop();
  }

  reconnected(): void {
    this.#connected = true;
    this.#pull();
  }

  close(graceMs?: number): Promise<void> {
    return (this.#closing ??= this.#close(graceMs));
  }

  async #close(graceMs?: number): Promise<void> {
    clearTimeout(this.#remakeTimer);
    for (const pull of this.#pulls) pull.stop();
    await this.#member.close(graceMs);
    this.#queue.close();
    clearInterval(this.#heartbeat);
    for (const { message } of this.#held.values()) if (this.#connected) message.nak();
    this.#held.clear();
    const consumer = this.#consumer;
    if (!this.#options.group && this.#connected) await consumer?.delete().catch(() => false);
  }

  #pull(): void {
    if (this.#closing || !this.#connected || this.#remakeTimer) return;
    if (!this.#consumer) return void this.#remake();
    const { maxInFlight } = this.#options;
    const free = Math.min(maxInFlight - this.#queue.load, MAX_HELD - this.#queue.size) - this.#requested;
    // Small requests while another is out would cost a round trip for each message.
    if (free <= 0 || (this.#requested > 0 && free < maxInFlight / 2)) return;
    this.#requested += free;
    void this.#fetch(this.#consumer, free).then(() => this.#pull());
  }

  async #fetch(consumer: Consumer, count: number): Promise<void> {
    let expected = count;
    let pull: ConsumerMessages | undefined;
    try {
      pull = await consumer.fetch({ max_messages: count, expires: EXPIRES_MS });
      this.#pulls.add(pull);
      if (!this.#connected || this.#closing) pull.stop();
      for await (const message of pull) {
        if (expected > 0) this.#requested -= 1;
        expected -= 1;
        this.#take(message);
      }
      this.failure = undefined;
    } catch (error) {
      if (this.#consumer === consumer) this.#consumer = undefined;
      this.#failed(error);
    } finally {
      if (pull) this.#pulls.delete(pull);
      this.#requested -= Math.max(0, expected);
    }
  }

  #take(message: JsMsg): void {
    const { seq } = message;
    const { group, stream, topic } = this.#options;
    const held = this.#held.get(seq);
    if (held) {
      held.message = message;
      return;
    }
    if (!group) {
      if (seq <= (this.#lastSeen ?? 0)) return;
      this.#lastSeen = seq;
    }
    if (this.#closing) {
      if (group) message.nak();
      return;
    }
    const handle = { message };
    if (group) this.#held.set(seq, handle);
    this.#queue.push({
      message: fromWire(message, topic, `${stream}:${seq}`),
      deliveredBefore: message.info.deliveryCount - 1,
      ...(group && { confirm: () => this.#confirm(seq, handle) }),
    });
  }

  /** A double ack: only the broker's answer tells that the message will not come again after a restart. */
  async #confirm(seq: number, handle: { message: JsMsg }): Promise<void> {
    this.#held.delete(seq);
    try {
      await handle.message.ackAck({ timeout: ACK_TIMEOUT_MS });
    } catch (cause) {
      throw new BrokerUnavailableError(`The broker did not confirm the ack of message ${seq}; it may come again`, {
        cause,
      });
    }
  }

  #stillWorking(): void {
    if (this.#connected) for (const { message } of this.#held.values()) message.working();
  }

  async #remake(): Promise<void> {
    if (this.#making) return;
    try {
      await this.#make();
      this.failure = undefined;
    } catch (error) {
      this.#failed(error);
    }
    this.#pull();
  }

  #failed(error: unknown): void {
    if (this.#closing || !this.#connected) return;
    const { topic, group, logger } = this.#options;
    if (!this.failure) logger?.warn({ err: error, topic, group }, 'the consumer is to be made again');
    this.failure = error instanceof Error ? error : new Error(String(error));
    this.#remakeTimer ??= setTimeout(() => {
      this.#remakeTimer = undefined;
      this.#pull();
    }, REMAKE_DELAY_MS);
  }

  #make(): Promise<void> {
    const { group } = this.#options;
    this.#making = (group ? this.#makeDurable(group) : this.#makeEphemeral())
      .catch((error: unknown) => {
        throw typed(error);
      })
      .finally(() => {
        this.#making = undefined;
      });
    return this.#making;
  }

  async #makeDurable(group: string): Promise<void> {
    const { manager, client, stream, topic, filter, ackWaitMs } = this.#options;
    const name = durableName(group, topic);
    await manager.consumers.add(stream, {
      durable_name: name,
      filter_subject: filter,
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(ackWaitMs),
      deliver_policy: DeliverPolicy.All,
      max_ack_pending: MAX_HELD,
      max_deliver: -1,
    });
    this.#consumer = await client.consumers.get(stream, name);
  }

  async #makeEphemeral(): Promise<void> {
    const { manager, client, stream, filter, onGap } = this.#options;
    const { last_seq: last } = (await manager.streams.info(stream)).state;
    // A stream that ends before what we have seen is another one: somebody made it anew.
    if (this.#lastSeen !== undefined && last < this.#lastSeen) {
      this.#lastSeen = 0;
      onGap?.();
    }
    this.#lastSeen ??= last;
    const config: Partial<ConsumerConfig> = {
      filter_subject: filter,
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: this.#lastSeen + 1,
      inactive_threshold: nanos(60_000),
      mem_storage: true,
      num_replicas: 1,
    };
    const { name } = await manager.consumers.add(stream, config);
    this.#consumer = await client.consumers.get(stream, name);
  }
}

/** `projector@posts%2Ecreated`: as legible as the characters that JetStream allows in a name let it be. */
export function durableName(group: string, topic: string): string {
  return `${encodeURIComponent(group.toWellFormed()).replaceAll('.', '%2E').replaceAll('*', '%2A')}@${topic.replaceAll('.', '%2E')}`;
}
