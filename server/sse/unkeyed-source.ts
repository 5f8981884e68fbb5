import type { Subscriber, Subscription } from '../messaging/pubsub.ts';
import type { Connection, Source } from './connection.ts';
import { encodeEvent } from './encoding.ts';
import type { Marshaler } from './frames.ts';
import type { SseMetrics } from './metrics.ts';
import type { StreamAdapter } from './stream-adapter.ts';
import { closeAll, subscribeAll } from './subscriptions.ts';

/** Answers that may be due to one client; further messages are then covered by the last of them. */
const MAX_DUE = 1_000;

/**
 * The clients of an unkeyed adapter, served in the original's way: each message on the topics is validated for each
 * client, and for each whom it concerns the response is made and serialised anew.
 */
export class UnkeyedClients {
  readonly adapter: StreamAdapter;
  readonly topics: readonly string[];
  readonly #subscriber: Subscriber;
  readonly #clients = new Set<UnkeyedSource>();
  #subscriptions: Promise<Subscription[]> | undefined;

  constructor(adapter: StreamAdapter, topics: readonly string[], subscriber: Subscriber) {
    this.adapter = adapter;
    this.topics = topics;
    this.#subscriber = subscriber;
  }

  /** Subscribes, when that has not been done yet: before the first client's first response is read. */
  ready(): Promise<unknown> {
    if (this.#subscriptions !== undefined) return this.#subscriptions;
    const subscriptions = subscribeAll(this.#subscriber, this.topics, (message) => {
      for (const client of this.#clients) client.receive(message);
    });
    this.#subscriptions = subscriptions;
    subscriptions.catch(() => (this.#subscriptions = undefined));
    return subscriptions;
  }

  join(client: UnkeyedSource): void {
    this.#clients.add(client);
  }

  leave(client: UnkeyedSource): void {
    this.#clients.delete(client);
  }

  async close(): Promise<void> {
    await closeAll((await this.#subscriptions?.catch(() => [])) ?? []);
    this.#subscriptions = undefined;
  }
}

/** One client of an unkeyed adapter: counts the responses that it is owed, the first one included. */
export class UnkeyedSource implements Source {
  readonly #clients: UnkeyedClients;
  readonly #marshal: Marshaler;
  readonly #metrics: SseMetrics;
  #connection: Connection | undefined;
  #due = 1;

  constructor(clients: UnkeyedClients, marshal: Marshaler, metrics: SseMetrics) {
    this.#clients = clients;
    this.#marshal = marshal;
    this.#metrics = metrics;
  }

  open(connection: Connection): void {
    this.#connection = connection;
    this.#clients.join(this);
    connection.pump();
  }

  receive(message: Parameters<StreamAdapter['validate']>[1]): void {
    const connection = this.#connection;
    if (connection === undefined || !this.#clients.adapter.validate(connection.request, message)) return;
    this.#due = Math.min(this.#due + 1, MAX_DUE);
    connection.pump();
  }

  take(): Promise<Buffer> | undefined {
    if (this.#due === 0 || this.#connection === undefined) return undefined;
    this.#due -= 1;
    return this.#respond(this.#connection);
  }

  close(): void {
    this.#clients.leave(this);
  }

  async #respond(connection: Connection): Promise<Buffer> {
    await this.#clients.ready();
    this.#metrics.read?.('response');
    const response = await this.#clients.adapter.getResponse(connection.request);
    return Buffer.from(encodeEvent({ event: 'data', data: this.#marshal(response) }));
  }
}
