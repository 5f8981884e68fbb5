import { deadLetter, type DeadLetterOffice } from './dead-letter.ts';
import { kindOf, PermanentError } from './errors.ts';
import type { Handler, Logger, Middleware } from './handler.ts';
import type { Message } from './message.ts';
import { correlation, recoverer, retrying, timeout, wrap } from './middleware.ts';
import { publishProduced, refuseProduced } from './produced.ts';
import type { Delivery, Publisher, Subscriber, Subscription } from './pubsub.ts';
import { backOff, type RetryOptions } from './retry.ts';

export type EventRouterOptions = {
  /** How often a handler runs again; see `retrying` (middleware.ts). */
  readonly retry?: Omit<RetryOptions, 'signal' | 'onRetry'> | undefined;
  /** Of one attempt. Default 30,000 ms. */
  readonly timeoutMs?: number | undefined;
  /** Where messages go that failed for good. Without it they come again, forever, with growing delays. */
  readonly deadLetters?: DeadLetterOffice | undefined;
  /**
   * A message delivered more often than this without an outcome (it ends the process each time, say) becomes a
   * dead letter without being handled. Default 20.
   */
  readonly maxDeliveries?: number | undefined;
  readonly logger?: Logger | undefined;
};

export type HandlerOptions = Pick<EventRouterOptions, 'retry' | 'timeoutMs' | 'deadLetters'> & {
  /**
   * The group whose members share the messages. Default: the handler's name, so the handlers of that name in all
   * processes are one group. `false`: this handler gets every message published while it runs.
   */
  readonly group?: string | false | undefined;
  /** Messages handled at once. Default 8. */
  readonly maxInFlight?: number | undefined;
  /** For this handler only, inside of the router's own. */
  readonly middleware?: readonly Middleware[] | undefined;
};

/**
 * Connects handlers to topics, as Watermill's router does. Around each handler stands, always in this order:
 *
 *   dead letter ( publish what it returned ( retry ( time-out ( recoverer ( correlation ( `use` ( its own middleware
 *
 * Only then is the message acked; a failure of the outermost is a nack. So a handler sees each message at least
 * once, and whatever happens a message ends acked or as a dead letter.
 */
export class EventRouter {
  readonly #options: EventRouterOptions;
  readonly #routes = new Map<string, Route>();
  readonly #middleware: Middleware[] = [];
  readonly #closing = new AbortController();
  #subscriptions: Subscription[] = [];
  #state: 'new' | 'started' | 'closed' = 'new';

  constructor(options: EventRouterOptions = {}) {
    this.#options = options;
  }

  /** Adds middleware for all handlers; the first added is the outermost. */
  use(...middleware: Middleware[]): void {
    this.#mustBeNew();
    this.#middleware.push(...middleware);
  }

  /** What `handler` returns is published by `publisher` on `publishTopic`. Throws where the name is taken. */
  addHandler(
    name: string,
    subscribeTopic: string,
    subscriber: Subscriber,
    publishTopic: string,
    publisher: Publisher,
    handler: Handler,
    options: HandlerOptions = {},
  ): void {
    this.#mustBeNew();
    if (this.#routes.has(name)) throw new Error(`The router has a handler named ${name} already`);
    const publish = (messages: readonly Message[]): Promise<void> =>
      publisher.publish(...messages.map((message) => ({ ...message, topic: publishTopic })));
    this.#routes.set(name, { name, topic: subscribeTopic, subscriber, publish, handler, options });
  }

  /** A handler that publishes nothing: returning messages is an error that makes the message a dead letter. */
  addNoPublishHandler(
    name: string,
    subscribeTopic: string,
    subscriber: Subscriber,
    handler: (...parameters: Parameters<Handler>) => Promise<void>,
    options: HandlerOptions = {},
  ): void {
    this.#mustBeNew();
    if (this.#routes.has(name)) throw new Error(`The router has a handler named ${name} already`);
    this.#routes.set(name, { name, topic: subscribeTopic, subscriber, handler, options });
  }

  /** Subscribes all handlers; resolves when all subscriptions are in force. If one fails the others are closed. */
  async start(): Promise<void> {
    this.#mustBeNew();
    this.#state = 'started';
    try {
      for (const route of this.#routes.values()) {
        this.#subscriptions.push(await this.#subscribe(route));
        this.#closing.signal.throwIfAborted();
      }
    } catch (error) {
      await this.close(0);
      throw error;
    }
  }

  /**
   * Begins nothing new: waiting retries are given up at once, handlers under way get `graceMs` (default 5,000),
   * and then an aborted signal. What is unfinished is nacked, and comes again to another process or after a restart.
   */
  async close(graceMs?: number): Promise<void> {
    this.#state = 'closed';
    this.#closing.abort(new Error('The router is closing'));
    const subscriptions = this.#subscriptions;
    this.#subscriptions = [];
    await Promise.all(subscriptions.map((subscription) => subscription.close(graceMs)));
  }

  #mustBeNew(): void {
    if (this.#state !== 'new') throw new Error(`The router is ${this.#state}`);
  }

  #subscribe(route: Route): Promise<Subscription> {
    const { group = route.name, maxInFlight = 8 } = route.options;
    const handle = this.#wrap(route);
    return route.subscriber.subscribe(
      route.topic,
      (delivery) => {
        this.#deal(route, handle, delivery).catch((error: unknown) => {
          const { logger } = this.#options;
          const context = { err: error, handler: route.name, messageId: delivery.message.id };
          // While the broker is away this is to be expected of everything that was under way.
          if (kindOf(error) === 'outage')
            logger?.warn(context, 'an ack did not reach the broker; the message may come again');
          else logger?.error(context, 'ack failed');
        });
      },
      { maxInFlight, ...(group !== false && { group }) },
    );
  }

  #wrap(route: Route): Handler {
    const options = { ...this.#options, ...route.options };
    const letters = options.deadLetters ? [deadLetter(options.deadLetters)] : [];
    const giveUp: Middleware = (next) => (message, context) => {
      const { maxDeliveries = 20 } = this.#options;
      if (context.attempt <= maxDeliveries || !options.deadLetters) return next(message, context);
      return Promise.reject(new PermanentError(`Delivered ${context.attempt} times without an outcome`));
    };
    return wrap(
      route.handler,
      ...letters,
      giveUp,
      route.publish ? publishProduced(route.publish) : refuseProduced,
      retrying(options.retry),
      timeout(options.timeoutMs ?? 30_000),
      recoverer,
      correlation,
      ...this.#middleware,
      ...(route.options.middleware ?? []),
    );
  }

  /** Never rejects but for an ack that did not reach the broker: every other failure is a nack. */
  async #deal(route: Route, handle: Handler, delivery: Delivery): Promise<void> {
    const { message, attempt, signal } = delivery;
    const { logger } = this.#options;
    const closing = this.#closing.signal;
    try {
      await handle(message, { handler: route.name, signal, closing, attempt, logger });
    } catch (error) {
      const delayMs = closing.aborted ? 0 : backOff(attempt, { initialMs: 1_000, maxMs: 30_000 });
      logger?.warn({ err: error, handler: route.name, messageId: message.id, attempt, delayMs }, 'message comes again');
      return delivery.nack(delayMs);
    }
    await delivery.ack();
  }
}

type Route = {
  readonly name: string;
  readonly topic: string;
  readonly subscriber: Subscriber;
  readonly publish?: ((messages: readonly Message[]) => Promise<void>) | undefined;
  readonly handler: Handler;
  readonly options: HandlerOptions;
};
