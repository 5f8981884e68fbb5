import type { Message } from '../messaging/message.ts';
import type { Subscriber, SubscribeOptions, Subscription } from '../messaging/pubsub.ts';

/** Subscribes to all of the topics or to none: throws when one of them can't be had. Messages count as done with at once. */
export async function subscribeAll(
  subscriber: Subscriber,
  topics: Iterable<string>,
  receive: (message: Message) => void,
  options?: SubscribeOptions,
): Promise<Subscription[]> {
  const take: Parameters<Subscriber['subscribe']>[1] = (delivery) => {
    receive(delivery.message);
    void delivery.ack();
  };
  const attempts = await Promise.allSettled([...topics].map((topic) => subscriber.subscribe(topic, take, options)));
  const subscriptions = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []));
  const failed = attempts.find((attempt) => attempt.status === 'rejected');
  if (failed === undefined) return subscriptions;
  await closeAll(subscriptions);
  throw failed.reason;
}

export async function closeAll(subscriptions: readonly Subscription[]): Promise<void> {
  await Promise.all(subscriptions.map((subscription) => subscription.close(0)));
}
