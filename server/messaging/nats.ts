import { setTimeout as delay } from 'node:timers/promises';
import { jetstream, jetstreamManager, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { BrokerUnavailableError, InvalidTopicError, MessageTooLargeError, PubSubClosedError } from './errors.ts';
import type { Logger } from './handler.ts';
import { handOver, unsettled } from './hand-over.ts';
import type { Message } from './message.ts';
import { openConnection, type NatsServerOptions } from './nats-connection.ts';
import { NatsConsumer } from './nats-consumer.ts';
import { ensureStream, type StreamOptions } from './nats-streams.ts';
import { fromWire, keySubject, sizeOf, toHeaders, topicSubjects } from './nats-wire.ts';
import type { Delivery, Publisher, Subscriber, SubscribeOptions, Subscription } from './pubsub.ts';

export type NatsOptions = NatsServerOptions & {
  /** Made, or brought into line, before `connectNats` resolves, and again after each reconnect. */
  readonly streams: readonly StreamOptions[];
  /** Topics that no stream keeps: for those who listen at that moment. */
  readonly signalTopics?: readonly string[];
  /** First part of every subject; tells applications on one broker apart. Default `messages`. */
  readonly prefix?: string;
  /** How long `publish` and `ping` wait for the broker. Default 5,000 ms. */
  readonly timeoutMs?: number;
  /**
   * How long the broker waits for word of a message before another process gets it. It is given that word three times
   * as often, so this is the time until the work of a killed process is taken over. Default 5,000 ms.
   */
  readonly ackWaitMs?: number;
  /** Told when the connection is lost (false) and when everything is in force again (true). */
  readonly onConnection?: (connected: boolean) => void;
};

/** Connects to NATS and prepares its streams. Throws as `openConnection` does, or what the broker says of a stream. */
export async function connectNats(options: NatsOptions): Promise<NatsPubSub> {
  const prefix = options.prefix ?? 'messages';
  for (const topic of options.signalTopics ?? []) topicSubjects(prefix, topic);
  const connection = await openConnection(options);
  try {
    const timeout = options.timeoutMs ?? 5_000;
    const manager = await jetstreamManager(connection, { timeout: Math.min(timeout, 2_000) });
    for (const stream of options.streams) await ensureStream(manager, prefix, stream);
    return new NatsPubSub(connection, manager, jetstream(connection, { timeout }), options);
  } catch (error) {
    await connection.close();
    throw error;
  }
}

const OWN_CODES = new Set<unknown>(['INVALID_TOPIC', 'BROKER_UNAVAILABLE', 'PUBSUB_CLOSED']);

/** Messages published at once before their confirmations are awaited. */
const WINDOW = 256;

/** Publisher and subscriber over NATS: JetStream for topics in a stream, core NATS for signals and single keys. */
export class NatsPubSub implements Publisher, Subscriber {
  readonly #connection: NatsConnection;
  readonly #manager: JetStreamManager;
  readonly #client: JetStreamClient;
  readonly #options: NatsOptions;
  readonly #prefix: string;
  readonly #timeoutMs: number;
  readonly #logger: Logger | undefined;
  readonly #streamOf = new Map<string, string>();
  readonly #signals: ReadonlySet<string>;
  readonly #consumers = new Set<NatsConsumer>();
  readonly #listeners = new Set<{ close(): void; readonly onGap?: () => void }>();
  #connected = true;
  #closing: Promise<void> | undefined;

  /** Use `connectNats`. */
  constructor(connection: NatsConnection, manager: JetStreamManager, client: JetStreamClient, options: NatsOptions) {
    this.#connection = connection;
    this.#manager = manager;
    this.#client = client;
    this.#options = options;
    this.#prefix = options.prefix ?? 'messages';
    this.#timeoutMs = options.timeoutMs ?? 5_000;
    this.#logger = options.logger;
    for (const { name, topics } of options.streams) for (const topic of topics) this.#streamOf.set(topic, name);
    this.#signals = new Set(options.signalTopics);
    this.#follow().catch((err: unknown) => this.#logger?.error({ err }, 'lost sight of the connection'));
  }

  /** Rejects at once while the connection is lost, and after `timeoutMs` where the broker does not answer. */
  async publish(...messages: Message[]): Promise<void> {
    for (let start = 0; start < messages.length; start += WINDOW) {
      this.#mustBeOpen();
      this.#mustBeConnected();
      await this.#publishAll(messages.slice(start, start + WINDOW));
    }
  }

  async subscribe(
    topic: string,
    receive: (delivery: Delivery) => void,
    options: SubscribeOptions = {},
  ): Promise<Subscription> {
    this.#mustBeOpen();
    const stream = this.#streamOf.get(topic);
    if (!stream && !this.#signals.has(topic)) throw unknownTopic(topic);
    if (options.group !== undefined && options.key !== undefined)
      throw new InvalidTopicError(`A subscription of ${topic} has a group or a key, not both`);
    if (options.group !== undefined && !stream)
      throw new InvalidTopicError(`Topic ${topic} is a signal: nothing of it is kept for group ${options.group}`);
    return stream && options.key === undefined
      ? this.#consume(topic, stream, receive, options)
      : this.#listen(topic, receive, options);
  }

  /** Resolves when the broker answers and all subscriptions are in force; throws `BrokerUnavailableError` if not. */
  async ping(): Promise<void> {
    this.#mustBeOpen();
    this.#mustBeConnected();
    await this.#answered(this.#manager.getAccountInfo());
    for (const { live, failure } of this.#consumers)
      if (!live) throw new BrokerUnavailableError('A consumer is not in force', { cause: failure });
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
    if (this.#connected) await this.#answered(this.#connection.flush()).catch(() => undefined);
    await this.#connection.close();
  }

  async #publishAll(messages: readonly Message[]): Promise<void> {
    const taken: Promise<unknown>[] = [];
    let signals = false;
    for (const message of messages) {
      const { topic, key, payload } = message;
      const subject = keySubject(this.#prefix, topic, key);
      const headers = toHeaders(message);
      this.#mustFit(message, subject, sizeOf(headers));
      if (this.#streamOf.has(topic)) {
        taken.push(this.#client.publish(subject, payload, { headers, timeout: this.#timeoutMs }));
      } else if (this.#signals.has(topic)) {
        this.#connection.publish(subject, payload, { headers });
        signals = true;
      } else {
        taken.push(Promise.reject(unknownTopic(topic)));
      }
    }
    if (signals) taken.push(this.#connection.flush());
    await this.#answered(Promise.all(taken));
  }

  async #consume(
    topic: string,
    stream: string,
    receive: (delivery: Delivery) => void,
    { group, maxInFlight = 1, onGap }: SubscribeOptions,
  ): Promise<Subscription> {
    const consumer = new NatsConsumer(
      {
        manager: this.#manager,
        client: this.#client,
        stream,
        topic,
        filter: topicSubjects(this.#prefix, topic),
        group,
        maxInFlight,
        ackWaitMs: this.#options.ackWaitMs ?? 5_000,
        onGap,
        logger: this.#logger,
      },
      receive,
    );
    this.#mustBeConnected();
    this.#consumers.add(consumer);
    try {
      await this.#answered(consumer.open());
      this.#mustBeOpen();
    } catch (error) {
      this.#consumers.delete(consumer);
      await consumer.close(0);
      throw error;
    }
    return {
      close: async (graceMs) => {
        await consumer.close(graceMs);
        this.#consumers.delete(consumer);
      },
    };
  }

  /**
   * Core NATS: at most once, and nothing to settle. Resolves while the connection is lost as well, since `onGap` is
   * called when the subscription comes into force.
   */
  async #listen(
    topic: string,
    receive: (delivery: Delivery) => void,
    { key, onGap }: SubscribeOptions,
  ): Promise<Subscription> {
    const abort = new AbortController();
    let count = 0;
    const subject = key === undefined ? topicSubjects(this.#prefix, topic) : keySubject(this.#prefix, topic, key);
    const subscription = this.#connection.subscribe(subject, {
      callback: (error, received) => {
        if (error) return void this.#logger?.error({ err: error, topic }, 'the subscription failed');
        const message = fromWire(received, topic, `${topic}:${(count += 1)}`);
        if (key !== undefined && message.key !== key) return;
        handOver(receive, unsettled(message, abort.signal), (err) => {
          this.#logger?.error({ err, topic, messageId: message.id }, 'a receiver threw');
        });
      },
    });
    const listener = {
      onGap,
      close: (): void => {
        subscription.unsubscribe();
        abort.abort();
      },
    };
    this.#listeners.add(listener);
    const close = async (): Promise<void> => {
      this.#listeners.delete(listener);
      listener.close();
    };
    try {
      if (this.#connected) await this.#answered(this.#connection.flush());
    } catch (error) {
      // While the connection is lost the subscription waits for it, and is told of the gap then.
      if (!this.#connected) return { close };
      await close();
      throw error;
    }
    return { close };
  }

  async #follow(): Promise<void> {
    for await (const { type } of this.#connection.status()) {
      if (type === 'disconnect') {
        this.#connected = false;
        this.#logger?.warn({}, 'the connection to NATS is lost');
        for (const consumer of this.#consumers) consumer.disconnected();
        this.#guarded(() => this.#options.onConnection?.(false));
      } else if (type === 'reconnect') {
        this.#connected = true;
        void this.#restore();
      }
    }
  }

  /** Subscriptions of core NATS are back by themselves; the flush makes sure that the broker has them. */
  async #restore(): Promise<void> {
    try {
      await this.#answered(this.#connection.flush());
    } catch {
      return; // Lost again: the next reconnect begins anew.
    }
    this.#logger?.info({}, 'the connection to NATS is back');
    for (const consumer of this.#consumers) consumer.reconnected();
    for (const { onGap } of this.#listeners) this.#guarded(() => onGap?.());
    this.#guarded(() => this.#options.onConnection?.(true));
    await this.#checkStreams();
  }

  /** A broker that lost its storage gets the streams again; until it has them the consumers keep trying. */
  async #checkStreams(): Promise<void> {
    while (this.#connected && !this.#closing) {
      try {
        for (const stream of this.#options.streams) await ensureStream(this.#manager, this.#prefix, stream);
        return;
      } catch (err) {
        this.#logger?.warn({ err }, 'could not check the streams after a reconnect, trying again');
        await delay(500);
      }
    }
  }

  #guarded(call: () => void): void {
    try {
      call();
    } catch (err) {
      this.#logger?.error({ err }, 'a listener of the connection threw');
    }
  }

  /** In bounded time, and with a typed error. */
  async #answered<T>(answer: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new BrokerUnavailableError('NATS did not answer in time')),
        this.#timeoutMs + 500,
      );
    });
    try {
      return await Promise.race([answer, late]);
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && OWN_CODES.has(cause.code)) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new BrokerUnavailableError(`NATS did not take it: ${reason}`, { cause });
    } finally {
      clearTimeout(timer);
    }
  }

  #mustBeOpen(): void {
    if (this.#closing) throw new PubSubClosedError('The NATS pub/sub is closed');
  }

  #mustBeConnected(): void {
    if (!this.#connected) throw new BrokerUnavailableError('The connection to NATS is lost');
  }

  #mustFit({ id, payload }: Message, subject: string, headerBytes: number): void {
    const limit = this.#connection.info?.max_payload ?? Infinity;
    const bytes = Buffer.byteLength(payload) + headerBytes;
    if (bytes > limit || subject.length > 2_000)
      throw new MessageTooLargeError(`Message ${id} has ${bytes} bytes, the broker takes ${limit}`);
  }
}

function unknownTopic(topic: string): InvalidTopicError {
  return new InvalidTopicError(`Topic ${topic} is in no stream and among no signals of this pub/sub`);
}
