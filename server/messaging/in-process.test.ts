import { expect, it, vi } from 'vitest';
import { BacklogFullError } from './errors.ts';
import { InProcessPubSub } from './in-process.ts';
import { newMessage } from './message.ts';
import { pubSubContract } from './pubsub.contract.ts';

pubSubContract(
  'InProcessPubSub',
  async () => ({
    open: async () => new InProcessPubSub(),
    topic: 'topic',
    otherTopic: 'topic.other',
    dispose: async () => undefined,
  }),
  { shared: false },
);

const make = (payload: number, key = 'k') => newMessage({ topic: 't', key, payload: String(payload) });

it('refuses more for a group that is too far behind, and takes it when the group has caught up', async () => {
  const pubSub = new InProcessPubSub({ maxBacklog: 2 });
  const away = await pubSub.subscribe('t', () => undefined, { group: 'g' });
  await away.close();
  const messages = [1, 2, 3].map((number) => make(number));
  await expect(pubSub.publish(...messages)).rejects.toThrow(BacklogFullError);
  const received: string[] = [];
  await pubSub.subscribe('t', ({ message, ack }) => (received.push(message.payload), void ack()), { group: 'g' });
  await vi.waitFor(() => expect(received).toEqual(['1', '2']));
  await pubSub.publish(...messages);
  await vi.waitFor(() => expect(received).toEqual(['1', '2', '3']));
  await pubSub.close();
});

it('keeps only the newest for a group that has never been there', async () => {
  const pubSub = new InProcessPubSub({ maxUnclaimed: 2 });
  await pubSub.publish(...[1, 2, 3].map((number) => make(number)));
  const received: string[] = [];
  await pubSub.subscribe('t', ({ message, ack }) => (received.push(message.payload), void ack()), { group: 'g' });
  await vi.waitFor(() => expect(received).toEqual(['2', '3']));
  await pubSub.close();
});

it('drops what a slow subscription without a group has no room for, and tells it when the gap opens and ends', async () => {
  const pubSub = new InProcessPubSub({ maxFanOutBacklog: 2 });
  const onGap = vi.fn();
  const held: { ack(): Promise<void>; payload: string }[] = [];
  await pubSub.subscribe('t', ({ message, ack }) => held.push({ ack, payload: message.payload }), { onGap });
  await pubSub.publish(...[1, 2, 3, 4].map((number) => make(number)));
  expect(onGap).toHaveBeenCalledTimes(1);
  await vi.waitFor(() => expect(held).toHaveLength(1));
  await held[0]?.ack();
  await pubSub.publish(make(5));
  expect(onGap).toHaveBeenCalledTimes(2);
  await held[1]?.ack();
  await vi.waitFor(() => expect(held.map(({ payload }) => payload)).toEqual(['1', '2', '5']));
  await held[2]?.ack();
  await pubSub.close();
});

it('forgets ids after their time', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const pubSub = new InProcessPubSub({ deduplicationMs: 1_000 });
  const received: string[] = [];
  await pubSub.subscribe('t', ({ message, ack }) => (received.push(message.payload), void ack()), { group: 'g' });
  const one = make(1);
  await pubSub.publish(one);
  vi.advanceTimersByTime(999);
  await pubSub.publish(one, make(2));
  vi.advanceTimersByTime(1);
  await pubSub.publish(one);
  vi.useRealTimers();
  await vi.waitFor(() => expect(received).toEqual(['1', '2', '1']));
  await pubSub.close();
});

it('forgets the oldest ids when there are too many', async () => {
  const pubSub = new InProcessPubSub({ deduplicationIds: 3 });
  const received: string[] = [];
  await pubSub.subscribe('t', ({ message, ack }) => (received.push(message.payload), void ack()), { group: 'g' });
  const [one, two, three] = [make(1), make(2), make(3)];
  await pubSub.publish(one, two, three, three, one);
  await vi.waitFor(() => expect(received).toEqual(['1', '2', '3', '1']));
  await pubSub.close();
});

it('lets the event loop turn while a long queue is delivered', async () => {
  const pubSub = new InProcessPubSub();
  let count = 0;
  await pubSub.subscribe('t', ({ ack }) => ((count += 1), void ack()), { group: 'g', maxInFlight: 8 });
  await pubSub.publish(...Array.from({ length: 5_000 }, (_, number) => make(number, `k${number}`)));
  await new Promise((resolve) => setTimeout(resolve));
  expect(count).toBeLessThan(5_000);
  await vi.waitFor(() => expect(count).toBe(5_000));
  await pubSub.close();
});
