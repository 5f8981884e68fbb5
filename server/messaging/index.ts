/* The door of this folder for other projects. NATS is behind one of its own, nats.ts, which needs its packages. */
export { deadLetter, DeadLetterError, type DeadLetter, type DeadLetterOffice } from './dead-letter.ts';
export {
  BacklogFullError,
  BrokerRefusedError,
  BrokerUnavailableError,
  ConflictError,
  HandlerTimeoutError,
  InvalidTopicError,
  kindOf,
  MessageTooLargeError,
  OutageError,
  PermanentError,
  PubSubClosedError,
  type ErrorKind,
} from './errors.ts';
export { EventRouter, type EventRouterOptions, type HandlerOptions } from './event-router.ts';
export { allOrNone, elseEachAlone, gather, type GatherOptions } from './gather.ts';
export type { Handler, HandlerContext, Logger, Middleware } from './handler.ts';
export { InProcessPubSub, type InProcessOptions } from './in-process.ts';
export { METADATA, newMessage, type Message, type NewMessage } from './message.ts';
export { correlation, metrics, recoverer, retrying, timeout, wrap, type Measured } from './middleware.ts';
export type { Delivery, Publisher, Subscriber, SubscribeOptions, Subscription } from './pubsub.ts';
export { backOff, retry, wait, type BackOff, type RetryOptions } from './retry.ts';
