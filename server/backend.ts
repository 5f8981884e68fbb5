import type { ReadModel } from './feeds/read-model.ts';
import type { Check } from './http/health.ts';
import type { Publisher, Subscriber } from './messaging/pubsub.ts';
import type { DeadLetters, Outbox, PostStore } from './posts/post-store.ts';

/** The stores and the pub/sub of one deployment: all that embedded and shared servers differ in. */
export type Backend = {
  readonly posts: PostStore;
  readonly outbox: Outbox;
  readonly deadLetters: DeadLetters;
  readonly readModel: ReadModel;
  readonly publisher: Publisher;
  readonly subscriber: Subscriber;
  /** True where the pub/sub forgets what it holds when the process ends, so that all is to be published again. */
  readonly forgetful: boolean;
  /** Calls the listener each time that the broker is back; the function returned ends that. Absent where it never goes. */
  readonly onBrokerBack?: (listener: () => void) => () => void;
  /** The same for a broker that has lost what was published and not handled yet. */
  readonly onBrokerEmptied?: (listener: () => void) => () => void;
  /** What has to work for the server to be ready, by the name of the part. */
  readonly checks: Readonly<Record<string, Check>>;
  /** Closes everything; nothing may be under way any more. */
  close(): Promise<void>;
};
