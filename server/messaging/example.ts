/*
 * Orders come in, invoices go out, one order is bad. Run it: node example.ts
 */
import { EventRouter, InProcessPubSub, newMessage, PermanentError } from './index.ts';

type Order = { readonly customer: string; readonly amount: number };

const print = (line: string): boolean => process.stdout.write(`${line}\n`);
const printed = Promise.withResolvers<undefined>();

const pubSub = new InProcessPubSub();
const router = new EventRouter({
  retry: { maxAttempts: 3, initialMs: 10 },
  deadLetters: {
    keep: async ({ message, handler, reason }) =>
      void print(`worry: ${handler} gave up an order of ${message.key}: ${reason}`),
  },
});

// Takes orders, returns invoices: they are published before the order is acked.
router.addHandler('invoicing', 'orders.placed', pubSub, 'invoices.made', pubSub, async (message, { attempt }) => {
  const { customer, amount } = JSON.parse(message.payload) as Order;
  if (amount < 0) throw new PermanentError('an order of less than nothing');
  if (customer === 'bob' && attempt < 3) throw new Error('the price list is away for a moment');
  return [newMessage({ topic: 'invoices.made', key: customer, payload: `${customer} owes ${amount}` })];
});

// Another group of the same topic.
router.addNoPublishHandler(
  'audit',
  'orders.placed',
  pubSub,
  async ({ key }) => void print(`audit: an order of ${key}`),
);

router.addNoPublishHandler('post', 'invoices.made', pubSub, async ({ payload, metadata }) => {
  print(`post: ${payload} (${metadata['correlation-id']})`);
  if (payload.startsWith('bob')) printed.resolve(undefined);
});

await router.start();
const orders: Order[] = [
  { customer: 'bob', amount: 10 },
  { customer: 'eve', amount: -5 },
  { customer: 'ann', amount: 20 },
];
await pubSub.publish(
  ...orders.map((order, index) =>
    newMessage({ id: `order-${index}`, topic: 'orders.placed', key: order.customer, payload: JSON.stringify(order) }),
  ),
);
await printed.promise;
await router.close();
await pubSub.close();
