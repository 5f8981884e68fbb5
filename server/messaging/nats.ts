import { jetstream, jetstreamManager, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import {
  BrokerRefusedError,
  BrokerUnavailableError,
  InvalidTopicError,
  MessageTooLargeError,
  PubSubClosedError,
} from './errors.ts';
import type { Logger } from './handler.ts';
import type { Message } from './message.ts';
import { answered, typed } from './nats-answer.ts';
import { openConnection, PATIENCE, type NatsServerOptions } from './nats-connection.ts';
import { NatsConsumer } from './nats-consumer.ts';
import { listen, type Listener } from './nats-listener.ts';
import { ensureStream, type StreamOptions } from './nats-streams.ts';
import { keySubject, sizeOf, toHeaders, topicSubjects } from './nats-wire.ts';
import type { Delivery, Publisher, Subscriber, SubscribeOptions, Subscription } from './pubsub.ts';
import { retry } from './retry.ts';

export type NatsOptions = NatsServerOptions & {
  /** Made, or brought into line, before `connectNats` resolves, and again after each reconnect. */
  readonly streams: readonly StreamOptions[];
  /** Topics that no stream keeps: for those who listen at that moment. */
  readonly signalTopics?: readonly string[] | undefined;
  /** First part of every subject; tells applications on one broker apart. Default `messages`. */
  readonly prefix?: string | undefined;
  /** How long `publish` and `ping` wait for the broker. Default 5,000 ms. */
  readonly timeoutMs?: number | undefined;
  /**
   * How long the broker waits for word of a message before another process gets it. It is given that word three times
   * as often, so this is the time until the work of a killed process is taken over. Default 5,000 ms.
   */
  readonly ackWaitMs?: number | undefined;
  /**
   * Told when a stream is another one than before, since somebody removed it or the broker lost it: what was published and
   * not handled yet is gone. It is there again by then.
   */
  readonly onStreamLost?: (() => void) | undefined;
  /** Told when the connection is lost (false) and when it is back (true). */
  readonly onConnection?: ((connected: boolean) => void) | undefined;
};

/**
 * Connects to NATS and prepares its streams, waiting for both. Throws as `openConnection` does, also where JetStream is not
 * ready before the signal ends the wait, or says no to a stream.
 */
export async function connectNats(options: NatsOptions): Promise<NatsPubSub> {
  const { prefix = 'messages', timeoutMs = 5_000, signal, logger } = options;
  for (const topic of options.signalTopics ?? []) topicSubjects(prefix, topic);
  const connection = await openConnection(options);
  const prepare = async (): Promise<NatsPubSub> => {
    try {
      const manager = await jetstreamManager(connection, { timeout: Math.min(timeoutMs, 2_000) });
      const made = await ensureStreams(manager, options);
      return new NatsPubSub(connection, manager, jetstream(connection, { timeout: timeoutMs }), options, made);
    } catch (error) {
      // One that has it says so when it greets; such a one may only not be ready yet.
      if (connection.info && !connection.info.jetstream) {
        throw new BrokerRefusedError('NATS runs without JetStream', { cause: error });
      }
      throw typed(error, 'JetStream');
    }
  };
  try {
    return await retry(prepare, {
      ...PATIENCE,
      signal,
      onRetry: (error, tried) => {
        if (tried === 1) logger?.warn({ reason: String(error) }, 'waiting for JetStream');
      },
    });
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** How often, in ms, it is looked whether the streams are still there. */
const STREAM_WATCH_MS = 1_000;
/** Messages published at once before their confirmations are awaited. */
const WINDOW = 256;

/** Publisher and subscriber over NATS: JetStream for groups, core NATS for those who listen without one. */
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
  readonly #listeners = new Set<Listener>();
  #connected = true;
  /** Aborted, and another made, when a connection is lost. */
  #lost = new AbortController();
  readonly #closed = new AbortController();
  #closing: Promise<void> | undefined;

  /** When each stream was made. */
  #made: ReadonlyMap<string, string>;
  readonly #watch: NodeJS.Timeout;
  #looking = false;

  /** Use `connectNats`. */
  constructor(
    connection: NatsConnection,
    manager: JetStreamManager,
    client: JetStreamClient,
    options: NatsOptions,
    made: ReadonlyMap<string, string>,
  ) {
    this.#connection = connection;
    this.#manager = manager;
    this.#client = client;
    this.#options = options;
    this.#prefix = options.prefix ?? 'messages';
    this.#timeoutMs = options.timeoutMs ?? 5_000;
    this.#logger = options.logger;
    for (const { name, topics } of options.streams) for (const topic of topics) this.#streamOf.set(topic, name);
    this.#signals = new Set(options.signalTopics);
    this.#made = made;
    this.#watch = setInterval(() => void this.#lookAtStreams(), STREAM_WATCH_MS);
    this.#follow().catch((err: unknown) => this.#logger?.error({ err }, 'lost sight of the connection'));
  }

  /** Rejects at once when or while the connection is lost, and after `timeoutMs` where the broker does not answer. */
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
    return stream && options.group !== undefined
      ? this.#consume(topic, stream, options.group, receive, options)
      : this.#listen(topic, receive, options);
  }

  /** Resolves when the broker answers and all subscriptions are in force; throws `BrokerUnavailableError` if not. */
  async ping(): Promise<void> {
    this.#mustBeOpen();
    this.#mustBeConnected();
    await this.#answered(this.#manager.getAccountInfo());
    await this.#answered(Promise.all(this.#options.streams.map(({ name }) => this.#manager.streams.info(name))));
    for (const { live, failure } of this.#consumers)
      if (!live) throw new BrokerUnavailableError('A consumer is not in force', { cause: failure });
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#closed.abort();
    clearInterval(this.#watch);
    for (const listener of this.#listeners) listener.close();
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
    if (this.#connected) await this.#answered(this.#connection.flush()).catch(() => undefined);
    await this.#connection.close();
  }

  /** Looks at all messages before it sends the first. */
  async #publishAll(messages: readonly Message[]): Promise<void> {
    const prepared = messages.map((message) => this.#prepare(message));
    const taken = prepared.map(async ({ kept, subject, payload, headers }) => {
      if (kept) await this.#client.publish(subject, payload, { headers, timeout: this.#timeoutMs });
      else this.#connection.publish(subject, payload, { headers });
    });
    if (prepared.some(({ kept }) => !kept)) taken.push(this.#connection.flush());
    await this.#answered(Promise.all(taken));
  }

  #prepare(message: Message) {
    const { id, topic, key, payload } = message;
    const kept = this.#streamOf.has(topic);
    if (!kept && !this.#signals.has(topic)) throw unknownTopic(topic);
    const subject = keySubject(this.#prefix, topic, key);
    const headers = toHeaders(message);
    const bytes = Buffer.byteLength(payload) + sizeOf(headers);
    const limit = this.#connection.info?.max_payload ?? Infinity;
    if (bytes > limit) throw new MessageTooLargeError(`Message ${id} has ${bytes} bytes, the broker takes ${limit}`);
    return { kept, subject, payload, headers };
  }

  async #consume(
    topic: string,
    stream: string,
    group: string,
    receive: (delivery: Delivery) => void,
    { maxInFlight = 1 }: SubscribeOptions,
  ): Promise<Subscription> {
    this.#mustBeConnected();
    const consumer = new NatsConsumer(
      {
        manager: this.#manager,
        client: this.#client,
        prepare: async () => void (await ensureStreams(this.#manager, this.#options)),
        stream,
        topic,
        filter: topicSubjects(this.#prefix, topic),
        group,
        maxInFlight,
        ackWaitMs: this.#options.ackWaitMs ?? 5_000,
        logger: this.#logger,
      },
      receive,
    );
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

  /** Resolves while the connection is lost as well, since `onGap` is called when the subscription comes into force. */
  async #listen(
    topic: string,
    receive: (delivery: Delivery) => void,
    { key, onGap }: SubscribeOptions,
  ): Promise<Subscription> {
    const subject = key === undefined ? topicSubjects(this.#prefix, topic) : keySubject(this.#prefix, topic, key);
    const listener = listen(this.#connection, { subject, topic, key, onGap, logger: this.#logger }, receive);
    this.#listeners.add(listener);
    const close = async (): Promise<void> => {
      this.#listeners.delete(listener);
      listener.close();
    };
    try {
      if (this.#connected) await this.#answered(this.#connection.flush());
    } catch (error) {
      if (this.#connected) {
        await close();
        throw error;
      }
    }
    return { close };
  }

  async #follow(): Promise<void> {
    for await (const { type } of this.#connection.status()) {
      if (type === 'disconnect') {
        this.#connected = false;
        this.#lost.abort();
        this.#lost = new AbortController();
        this.#logger?.warn({}, 'the connection to NATS is lost');
        this.#guarded(() => this.#options.onConnection?.(false));
      } else if (type === 'reconnect') {
        this.#connected = true;
        void this.#restore();
      }
    }
  }

  /**
   * Subscriptions and consumers go on by themselves; the flush makes sure that the broker knows. A broker that lost its
   * storage gets the streams again.
   */
  async #restore(): Promise<void> {
    await this.#untilDone(() => this.#answered(this.#connection.flush()));
    if (!this.#connected) return;
    this.#logger?.info({}, 'the connection to NATS is back');
    for (const { onGap } of this.#listeners) this.#guarded(() => onGap?.());
    this.#guarded(() => this.#options.onConnection?.(true));
    await this.#untilDone(() => this.#restoreStreams());
  }

  /** Nobody tells us that a stream was removed: consumers would be made again for ever, and publishing fail. */
  async #lookAtStreams(): Promise<void> {
    if (this.#looking || !this.#connected) return;
    this.#looking = true;
    await this.#restoreStreams().catch((err: unknown) => this.#logger?.debug({ err }, 'could not look at the streams'));
    this.#looking = false;
  }

  async #restoreStreams(): Promise<void> {
    const made = await this.#answered(ensureStreams(this.#manager, this.#options));
    const lost = [...made].filter(([name, at]) => this.#made.get(name) !== at).map(([name]) => name);
    this.#made = made;
    if (lost.length === 0) return;
    this.#logger?.error({ streams: lost }, 'streams were removed and are made anew');
    this.#guarded(() => this.#options.onStreamLost?.());
  }

  /** Tries again until it works, or until this connection is lost. */
  async #untilDone(step: () => Promise<void>): Promise<void> {
    await retry(step, {
      ...PATIENCE,
      maxAttempts: Infinity,
      signal: AbortSignal.any([this.#lost.signal, this.#closed.signal]),
      onRetry: (err, tried) =>
        this.#logger?.[tried === 1 ? 'warn' : 'debug']({ err }, 'NATS is back, but not all of it'),
    }).catch((err: unknown) => this.#logger?.debug({ err }, 'gave up until NATS is back'));
  }

  #guarded(call: () => void): void {
    try {
      call();
    } catch (err) {
      this.#logger?.error({ err }, 'a listener of the connection threw');
    }
  }

  #answered<T>(answer: Promise<T>): Promise<T> {
    return answered(answer, this.#timeoutMs, this.#lost.signal);
  }

  #mustBeOpen(): void {
    if (this.#closing) throw new PubSubClosedError('The NATS pub/sub is closed');
  }

  #mustBeConnected(): void {
    if (!this.#connected) throw new BrokerUnavailableError('The connection to NATS is lost');
  }
}

async function ensureStreams(
  manager: JetStreamManager,
  { streams, prefix = 'messages' }: NatsOptions,
): Promise<ReadonlyMap<string, string>> {
  const made = new Map<string, string>();
  for (const stream of streams) made.set(stream.name, await ensureStream(manager, prefix, stream));
  return made;
}

function unknownTopic(topic: string): InvalidTopicError {
  return new InvalidTopicError(`Topic ${topic} is in no stream and among no signals of this pub/sub`);
}
