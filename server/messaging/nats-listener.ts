import type { NatsConnection } from '@nats-io/transport-node';
import { handOver, unsettled } from './hand-over.ts';
import type { Logger } from './handler.ts';
import { fromWire } from './nats-wire.ts';
import type { Delivery } from './pubsub.ts';

export type ListenerOptions = {
  readonly subject: string;
  readonly topic: string;
  /** Only this key: the subject of a very long one is that of others too. */
  readonly key?: string | undefined;
  readonly onGap?: (() => void) | undefined;
  readonly logger?: Logger | undefined;
};

/** A subscription of core NATS: at most once, and nothing to settle. The client makes it again after a reconnect. */
export type Listener = { readonly onGap: (() => void) | undefined; close(): void };

export function listen(
  connection: NatsConnection,
  { subject, topic, key, onGap, logger }: ListenerOptions,
  receive: (delivery: Delivery) => void,
): Listener {
  const abort = new AbortController();
  let count = 0;
  const subscription = connection.subscribe(subject, {
    callback: (error, received) => {
      if (error) return void logger?.error({ err: error, topic }, 'the subscription failed');
      const message = fromWire(received, topic, `${topic}:${(count += 1)}`);
      if (key !== undefined && message.key !== key) return;
      handOver(receive, unsettled(message, abort.signal), (err) => {
        logger?.error({ err, topic, messageId: message.id }, 'a receiver threw');
      });
    },
  });
  return {
    onGap,
    close: () => {
      subscription.unsubscribe();
      abort.abort();
    },
  };
}
