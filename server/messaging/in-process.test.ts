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
  await pubSub.publish(...messages.slice(1));
  await vi.waitFor(() => expect(received).toEqual(['1', '2', '2', '3']));
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
