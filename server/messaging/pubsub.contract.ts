import { afterEach, describe, expect, it, vi } from 'vitest';
import { PubSubClosedError } from './errors.ts';
import { newMessage, type Message } from './message.ts';
import type { Delivery, Publisher, Subscriber, SubscribeOptions, Subscription } from './pubsub.ts';

/** One pub/sub under test: what `open` gives talks to the same broker as the others opened by the same `Broker`. */
export type Broker = {
  open(): Promise<Publisher & Subscriber>;
  /** Two topics not used before, whose messages are kept for groups. */
  readonly topic: string;
  readonly otherTopic: string;
  dispose(): Promise<void>;
};

/** What an adapter's README says that it does not do. The suite then holds it to exactly that. */
export type Capabilities = {
  /** Two `open`s are two processes that share topics and groups. Absent: each is a world of its own. */
  readonly shared: boolean;
};

const LIMIT = { timeout: 15_000, interval: 5 };

/**
 * What every pub/sub promises (pubsub.ts). Call it in the adapter's test file; runs under Vitest.
 *
 * `makeBroker` is called once per test; `open`ed pub/subs are closed and the broker disposed of after it.
 */
export function pubSubContract(name: string, makeBroker: () => Promise<Broker>, capabilities: Capabilities): void {
  describe(`${name} keeps the promises of a pub/sub`, { timeout: 60_000 }, () => {
    const disposals: (() => Promise<void>)[] = [];
    afterEach(async () => {
      for (const dispose of disposals.splice(0).reverse()) await dispose();
    });

    async function setUp() {
      const broker = await makeBroker();
      disposals.push(() => broker.dispose());
      const open = async () => {
        const pubSub = await broker.open();
        disposals.push(() => pubSub.close());
        return pubSub;
      };
      return { pubSub: await open(), open, topic: broker.topic, otherTopic: broker.otherTopic };
    }

    const make = (topic: string, payload: string | number, key = 'key'): Message =>
      newMessage({ topic, key, payload: String(payload) });
    const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

    /** Acks everything and notes the payloads. */
    async function collect(subscriber: Subscriber, topic: string, options?: SubscribeOptions) {
      const payloads: string[] = [];
      const take = async (delivery: Delivery) => {
        payloads.push(delivery.message.payload);
        await delivery.ack();
      };
      const subscription = await subscriber.subscribe(topic, (delivery) => void take(delivery), options);
      return { payloads, subscription };
    }

    /** What was published before has been delivered by the time that this returns: one after the other, where nobody nacks. */
    async function settle(pubSub: Publisher, topic: string, received: { payloads: string[] }, key = 'key') {
      await pubSub.publish(make(topic, 'the end', key));
      await vi.waitFor(() => expect(received.payloads).toContain('the end'), LIMIT);
      return received.payloads.filter((payload) => payload !== 'the end');
    }

    it('delivers a message as it was published', async () => {
      const { pubSub, topic } = await setUp();
      const received: Message[] = [];
      await pubSub.subscribe(
        topic,
        ({ message, ack }) => {
          received.push(message);
          void ack();
        },
        { group: 'g' },
      );
      const message = newMessage({
        topic,
        key: 'feed:发布会',
        payload: '{"text":"héllo\\r\\n😀\\u0000"}',
        metadata: { 'correlation-id': 'c-1', reason: 'two\r\nlines: 发布会', empty: '' },
        id: 'an id, with: #odd* characters. 😀',
      });
      await pubSub.publish(message);
      await vi.waitFor(() => expect(received).toEqual([message]), LIMIT);
    });

    it('delivers each of 10,000 messages', async () => {
      const { pubSub, topic } = await setUp();
      const seen = new Set<string>();
      const take = async ({ message, ack }: Delivery) => {
        seen.add(message.payload);
        await ack();
      };
      await pubSub.subscribe(topic, (delivery) => void take(delivery), { group: 'g', maxInFlight: 64 });
      await pubSub.publish(...numbers(10_000).map((number) => make(topic, number, `key-${number % 100}`)));
      await vi.waitFor(() => expect(seen.size).toBe(10_000), { timeout: 45_000, interval: 20 });
    });

    it('loses none of many with several deliveries under way and nacks among them', async () => {
      const { pubSub, topic } = await setUp();
      const done = new Set<string>();
      let underWay = 0;
      let most = 0;
      const take = async ({ message, attempt, ack, nack }: Delivery) => {
        underWay += 1;
        most = Math.max(most, underWay);
        await new Promise((resolve) => setImmediate(resolve));
        underWay -= 1;
        if (attempt === 1 && Number(message.payload) % 7 === 0) return nack(Number(message.payload) % 3);
        done.add(message.payload);
        await ack();
      };
      await pubSub.subscribe(topic, (delivery) => void take(delivery), { group: 'g', maxInFlight: 8 });
      await pubSub.publish(...numbers(90).map((number) => make(topic, number, 'abc'[number % 3])));
      await vi.waitFor(() => expect(done.size).toBe(90), LIMIT);
      expect(most).toBeGreaterThan(1);
    });

    it('has as many deliveries under way as asked for, and never more', async () => {
      const { pubSub, topic } = await setUp();
      const held: Delivery[] = [];
      await pubSub.subscribe(topic, (delivery) => held.push(delivery), { group: 'g', maxInFlight: 3 });
      await pubSub.publish(...numbers(20).map((number) => make(topic, number)));
      for (let done = 0; done < 20;) {
        await vi.waitFor(() => expect(held.length).toBeGreaterThanOrEqual(Math.min(3, 20 - done)), LIMIT);
        expect(held.length).toBeLessThanOrEqual(3);
        for (const delivery of held.splice(0)) {
          done += 1;
          await delivery.ack();
        }
      }
    });

    it('delivers again after a nack, with the attempt counted', async () => {
      const { pubSub, topic } = await setUp();
      const attempts: number[] = [];
      await pubSub.subscribe(
        topic,
        ({ attempt, ack, nack }) => {
          attempts.push(attempt);
          void (attempt < 3 ? nack() : ack());
        },
        { group: 'g' },
      );
      await pubSub.publish(make(topic, 1));
      await vi.waitFor(() => expect(attempts).toEqual([1, 2, 3]), LIMIT);
    });

    it('waits with the redelivery as long as the nack asks', async () => {
      const { pubSub, topic } = await setUp();
      const times: number[] = [];
      await pubSub.subscribe(
        topic,
        ({ attempt, ack, nack }) => {
          times.push(performance.now());
          void (attempt === 1 ? nack(300) : ack());
        },
        { group: 'g' },
      );
      await pubSub.publish(make(topic, 1));
      await vi.waitFor(() => expect(times).toHaveLength(2), LIMIT);
      expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(295);
    });

    it('goes on with others, of the same key too, while a nacked message waits', async () => {
      const { pubSub, topic } = await setUp();
      const done: string[] = [];
      await pubSub.subscribe(
        topic,
        ({ message, ack, nack }) => {
          if (message.payload === 'bad') return void nack(60_000);
          done.push(message.payload);
          void ack();
        },
        { group: 'g' },
      );
      await pubSub.publish(make(topic, 'bad'), ...numbers(20).map((number) => make(topic, number)));
      await vi.waitFor(() => expect(done).toHaveLength(20), LIMIT);
    });

    it('counts only the first of ack and nack', async () => {
      const { pubSub, topic } = await setUp();
      const attempts: number[] = [];
      const take = async ({ message, attempt, ack, nack }: Delivery) => {
        if (message.payload === 'the end') {
          received.payloads.push(message.payload);
          return ack();
        }
        attempts.push(attempt);
        await (attempt === 1 ? nack() : ack());
        await (attempt === 1 ? ack() : nack());
      };
      const received = { payloads: [] as string[] };
      await pubSub.subscribe(topic, (delivery) => void take(delivery), { group: 'g' });
      await pubSub.publish(make(topic, 1));
      await settle(pubSub, topic, received);
      expect(attempts).toEqual([1, 2]);
    });

    it('delivers again when a receiver throws, and goes on', async () => {
      const { pubSub, topic } = await setUp();
      const done: string[] = [];
      await pubSub.subscribe(
        topic,
        ({ message, attempt, ack }) => {
          if (message.payload === '0' && attempt === 1) throw new Error('a receiver that throws');
          if (message.payload === '1' && attempt === 1) return Promise.reject(new Error('an async one'));
          done.push(message.payload);
          void ack();
        },
        { group: 'g' },
      );
      await pubSub.publish(make(topic, 0, 'a'), make(topic, 1, 'b'), make(topic, 2, 'c'));
      await vi.waitFor(() => expect(done.toSorted()).toEqual(['0', '1', '2']), LIMIT);
    });

    it('delivers each message to one of a group and to each group', async () => {
      const { pubSub, topic } = await setUp();
      const one = await collect(pubSub, topic, { group: 'one', maxInFlight: 4 });
      const twin = await collect(pubSub, topic, { group: 'one', maxInFlight: 4 });
      const other = await collect(pubSub, topic, { group: 'other', maxInFlight: 4 });
      await pubSub.publish(...numbers(100).map((number) => make(topic, number, `key-${number}`)));
      await vi.waitFor(() => expect(one.payloads.length + twin.payloads.length).toBe(100), LIMIT);
      await vi.waitFor(() => expect(other.payloads).toHaveLength(100), LIMIT);
      expect(new Set([...one.payloads, ...twin.payloads]).size).toBe(100);
      expect(one.payloads.length).toBeGreaterThan(0);
      expect(twin.payloads.length).toBeGreaterThan(0);
    });

    it('delivers to each subscription without a group', async () => {
      const { pubSub, topic } = await setUp();
      const all = [await collect(pubSub, topic), await collect(pubSub, topic), await collect(pubSub, topic)];
      await pubSub.publish(...numbers(50).map((number) => make(topic, number)));
      for (const { payloads } of all) await vi.waitFor(() => expect(payloads).toEqual(numbers(50).map(String)), LIMIT);
    });

    it('delivers without a group once, whatever is said of it', async () => {
      const { pubSub, topic } = await setUp();
      const payloads: string[] = [];
      await pubSub.subscribe(topic, ({ message, nack }) => {
        payloads.push(message.payload);
        void nack();
      });
      await pubSub.publish(make(topic, 1));
      expect(await settle(pubSub, topic, { payloads })).toEqual(['1']);
    });

    it('starts without a group at what is published from now on', async () => {
      const { pubSub, topic } = await setUp();
      await pubSub.publish(make(topic, 'before'));
      const received = await collect(pubSub, topic);
      expect(await settle(pubSub, topic, received)).toEqual([]);
    });

    it('keeps for a group what is published while none of it is there', async () => {
      const { pubSub, topic } = await setUp();
      const early = await collect(pubSub, topic, { group: 'g' });
      await pubSub.publish(make(topic, 0));
      await vi.waitFor(() => expect(early.payloads).toEqual(['0']), LIMIT);
      await early.subscription.close();
      await pubSub.publish(...[1, 2, 3].map((number) => make(topic, number)));
      const late = await collect(pubSub, topic, { group: 'g' });
      expect(await settle(pubSub, topic, late)).toEqual(['1', '2', '3']);
      expect(early.payloads).toEqual(['0']);
    });

    it('gives a key only to those who ask for it, whatever its characters', async () => {
      const { pubSub, topic } = await setUp();
      const keys = ['feed:发布会', 'a.b', 'a', '*', '>', 'a b', 'été', '', '😀', '%', 'a%2Eb', 'x'.repeat(3_000), '\n'];
      const received = await Promise.all(keys.map((key) => collect(pubSub, topic, { key })));
      await pubSub.publish(...keys.map((key) => make(topic, `of ${key}`, key)), make(topic, 'of nobody', 'nobody'));
      for (const [index, key] of keys.entries()) {
        const of = received[index] ?? { payloads: [] };
        expect(await settle(pubSub, topic, of, key)).toEqual([`of ${key}`]);
      }
    });

    it('delivers keys with odd characters to groups as they were', async () => {
      const { pubSub, topic } = await setUp();
      const keys = ['feed:发布会', 'a.b', '*', '>', 'a b', '', '😀', '%', 'x'.repeat(3_000), '\r\n'];
      const received: string[] = [];
      await pubSub.subscribe(
        topic,
        ({ message, ack }) => {
          received.push(message.key);
          void ack();
        },
        { group: 'g' },
      );
      await pubSub.publish(...keys.map((key) => make(topic, 1, key)));
      await vi.waitFor(() => expect(received.toSorted()).toEqual(keys.toSorted()), LIMIT);
    });

    it('takes the same id on another topic for another message', async () => {
      const { pubSub, topic, otherTopic: other } = await setUp();
      const received = await collect(pubSub, other, { group: 'g' });
      await pubSub.publish(newMessage({ topic, key: 'k', payload: '1', id: 'same' }));
      await pubSub.publish(newMessage({ topic: other, key: 'k', payload: '2', id: 'same' }));
      await vi.waitFor(() => expect(received.payloads).toEqual(['2']), LIMIT);
    });

    it('carries payloads of 100 kB', async () => {
      const { pubSub, topic } = await setUp();
      const received = await collect(pubSub, topic, { group: 'g' });
      const payloads = ['a', 'é', '会'].map((letter) => letter.repeat(100_000 / Buffer.byteLength(letter)));
      await pubSub.publish(...payloads.map((payload) => make(topic, payload)));
      await vi.waitFor(() => expect(received.payloads).toEqual(payloads), LIMIT);
    });

    it('delivers nothing more after a subscription has closed', async () => {
      const { pubSub, topic } = await setUp();
      const closed = [
        await collect(pubSub, topic, { group: 'closed' }),
        await collect(pubSub, topic),
        await collect(pubSub, topic, { key: 'key' }),
      ];
      const open = await collect(pubSub, topic, { group: 'open' });
      for (const { subscription } of closed) await subscription.close();
      await pubSub.publish(make(topic, 1));
      expect(await settle(pubSub, topic, open)).toEqual(['1']);
      for (const { payloads } of closed) expect(payloads).toEqual([]);
    });

    it('waits at its close for deliveries under way, and starts no others', async () => {
      const { pubSub, topic } = await setUp();
      const held: Delivery[] = [];
      const subscription = await pubSub.subscribe(topic, (delivery) => held.push(delivery), { group: 'g' });
      await pubSub.publish(make(topic, 1), make(topic, 2));
      await vi.waitFor(() => expect(held).toHaveLength(1), LIMIT);
      let closed = false;
      const closing = subscription.close(30_000).then(() => (closed = true));
      await new Promise((resolve) => setImmediate(resolve));
      expect(closed).toBe(false);
      await held[0]?.ack();
      await closing;
      expect(held[0]?.signal.aborted).toBe(false);
      const rest = await collect(pubSub, topic, { group: 'g' });
      await vi.waitFor(() => expect(rest.payloads).toEqual(['2']), LIMIT);
      expect(held).toHaveLength(1);
    });

    it('aborts at its close what takes longer than the grace, and gives it to others', async () => {
      const { pubSub, topic } = await setUp();
      const held: Delivery[] = [];
      const subscription = await pubSub.subscribe(topic, (delivery) => held.push(delivery), { group: 'g' });
      await pubSub.publish(make(topic, 1));
      await vi.waitFor(() => expect(held).toHaveLength(1), LIMIT);
      await subscription.close(20);
      expect(held[0]?.signal.aborted).toBe(true);
      await held[0]?.ack();
      const attempts: number[] = [];
      await pubSub.subscribe(
        topic,
        ({ attempt, ack }) => {
          attempts.push(attempt);
          void ack();
        },
        { group: 'g' },
      );
      await vi.waitFor(() => expect(attempts).toEqual([2]), LIMIT);
    });

    it('rejects to publish and subscribe after its close', async () => {
      const { pubSub, topic } = await setUp();
      await pubSub.close();
      await expect(pubSub.publish(make(topic, 1))).rejects.toThrow(PubSubClosedError);
      await expect(pubSub.subscribe(topic, () => undefined)).rejects.toThrow(PubSubClosedError);
    });

    it('closes all subscriptions with itself, however often it is closed', async () => {
      const { pubSub, topic } = await setUp();
      const subscriptions: Subscription[] = [
        (await collect(pubSub, topic, { group: 'g' })).subscription,
        (await collect(pubSub, topic, { key: 'k' })).subscription,
      ];
      await pubSub.close();
      await pubSub.close();
      for (const subscription of subscriptions) await subscription.close();
    });

    it('refuses a subscription with a group and a key', async () => {
      const { pubSub, topic } = await setUp();
      await expect(pubSub.subscribe(topic, () => undefined, { group: 'g', key: 'k' })).rejects.toThrow(/not both/);
    });

    it(capabilities.shared ? 'shares groups between processes' : 'is a world of its own in each process', async () => {
      const { pubSub, open, topic } = await setUp();
      const second = await open();
      const here = await collect(pubSub, topic, { group: 'g', maxInFlight: 4 });
      const there = await collect(second, topic, { group: 'g', maxInFlight: 4 });
      await pubSub.publish(...numbers(200).map((number) => make(topic, number, `key-${number}`)));
      await vi.waitFor(() => expect(here.payloads.length + there.payloads.length).toBe(200), LIMIT);
      expect(new Set([...here.payloads, ...there.payloads]).size).toBe(200);
      expect(there.payloads.length > 0).toBe(capabilities.shared);
    });
  });
}
