import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { DeadLetter, DeadLetterOffice } from './dead-letter.ts';
import { BrokerUnavailableError, InvalidTopicError, PermanentError } from './errors.ts';
import { EventRouter, type EventRouterOptions } from './event-router.ts';
import type { Handler, Middleware } from './handler.ts';
import { InProcessPubSub } from './in-process.ts';
import { METADATA, newMessage, type Message } from './message.ts';
import type { Publisher, Subscriber } from './pubsub.ts';

const QUICK = { maxAttempts: 3, initialMs: 1, maxMs: 2 };

const disposals: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const dispose of disposals.splice(0).reverse()) await dispose();
});

function setUp(options: EventRouterOptions = {}) {
  const pubSub = new InProcessPubSub();
  const dead: DeadLetter[] = [];
  const deadLetters: DeadLetterOffice = { keep: async (letter) => void dead.push(letter) };
  const router = new EventRouter({ retry: QUICK, deadLetters, ...options });
  disposals.push(
    () => pubSub.close(),
    () => router.close(0),
  );
  return { pubSub, router, dead };
}

async function collect(pubSub: InProcessPubSub, topic: string) {
  const messages: Message[] = [];
  await pubSub.subscribe(topic, ({ message, ack }) => (messages.push(message), void ack()), { maxInFlight: 8 });
  return messages;
}

const make = (payload: string | number, key = `key-${payload}`) =>
  newMessage({ topic: 'in', key, payload: String(payload) });
const payloads = (messages: Message[]) => messages.map(({ payload }) => payload);

describe('a handler', () => {
  it('publishes what it returns on its topic, within the same story', async () => {
    const { pubSub, router } = setUp();
    const out = await collect(pubSub, 'out');
    router.addHandler('h', 'in', pubSub, 'out', pubSub, async ({ payload, key }) => [
      newMessage({ topic: 'wherever', key, payload: payload.toUpperCase() }),
    ]);
    await router.start();
    await pubSub.publish({ ...make('a'), metadata: { [METADATA.correlationId]: 'c-1' } });
    await vi.waitFor(() => expect(out).toHaveLength(1));
    expect(out[0]).toMatchObject({ topic: 'out', payload: 'A', metadata: { [METADATA.correlationId]: 'c-1' } });
  });

  it('has its message acked only after what it returned is published, and does not run again for that', async () => {
    const { pubSub, router } = setUp();
    const out = await collect(pubSub, 'out');
    let failures = 3;
    const flaky: Publisher = {
      publish: async (...messages) => {
        if (failures-- > 0) throw new BrokerUnavailableError('away');
        await pubSub.publish(...messages);
      },
      close: async () => undefined,
    };
    const handler = vi.fn<Handler>().mockImplementation(async (message) => [message]);
    router.addHandler('h', 'in', pubSub, 'out', flaky, handler);
    await router.start();
    await pubSub.publish(make(1));
    await vi.waitFor(() => expect(payloads(out)).toEqual(['1']), { timeout: 5_000 });
    expect(handler).toHaveBeenCalledTimes(1);
  });

  it('comes again after a close while what it returned could not be published', async () => {
    const { pubSub, router } = setUp();
    const away: Publisher = {
      publish: vi.fn(() => Promise.reject(new BrokerUnavailableError('away'))),
      close: async () => undefined,
    };
    router.addHandler('h', 'in', pubSub, 'out', away, async (message) => [message]);
    await router.start();
    await pubSub.publish(make(1));
    await vi.waitFor(() => expect(away.publish).toHaveBeenCalled());
    await router.close();
    const again: number[] = [];
    await pubSub.subscribe('in', ({ attempt, ack }) => (again.push(attempt), void ack()), { group: 'h' });
    await vi.waitFor(() => expect(again).toEqual([2]));
  });

  it('makes a dead letter of a message whose outcome no broker takes', async () => {
    const { pubSub, router, dead } = setUp();
    const refusing: Publisher = {
      publish: () => Promise.reject(new InvalidTopicError('no such topic')),
      close: async () => undefined,
    };
    router.addHandler('h', 'in', pubSub, 'out', refusing, async (message) => [message]);
    await router.start();
    await pubSub.publish(make(1));
    await vi.waitFor(() => expect(dead.map(({ reason }) => reason)).toEqual(['no such topic']));
  });

  it('without a topic to publish on makes a dead letter of what it returns for', async () => {
    const { pubSub, router, dead } = setUp();
    const handler = (async (message: Message) => [message]) as unknown as () => Promise<void>;
    router.addNoPublishHandler('h', 'in', pubSub, handler);
    await router.start();
    await pubSub.publish(make(1));
    await vi.waitFor(() => expect(dead).toHaveLength(1));
  });

  it('is one of a group under its name, unless told otherwise', async () => {
    const { pubSub, router } = setUp();
    const twin = new EventRouter();
    disposals.push(() => twin.close(0));
    const [shared, own] = [vi.fn(async () => undefined), vi.fn(async () => undefined)];
    for (const one of [router, twin]) {
      one.addNoPublishHandler('shared', 'in', pubSub, shared);
      one.addNoPublishHandler('own', 'in', pubSub, own, { group: false });
      await one.start();
    }
    await pubSub.publish(...[1, 2, 3].map((number) => make(number)));
    await vi.waitFor(() => expect([shared.mock.calls.length, own.mock.calls.length]).toEqual([3, 6]));
  });
});

describe('a handler that fails', () => {
  it('runs again, and its message is acked when it succeeds', async () => {
    const { pubSub, router, dead } = setUp();
    const attempts: number[] = [];
    router.addNoPublishHandler('h', 'in', pubSub, async (_, { attempt }) => {
      attempts.push(attempt);
      if (attempt < 3) throw new Error('not yet');
    });
    await router.start();
    await pubSub.publish(make(1));
    await vi.waitFor(() => expect(attempts).toEqual([1, 2, 3]));
    expect(dead).toEqual([]);
  });

  it('to the last attempt makes its message a dead letter, and the next goes on', async () => {
    const { pubSub, router, dead } = setUp();
    const handler = vi.fn(async ({ payload }: Message) => {
      if (payload === 'bad') throw new Error('a bad message');
    });
    router.addNoPublishHandler('h', 'in', pubSub, handler, { maxInFlight: 1 });
    await router.start();
    await pubSub.publish(make('bad', 'k'), make('good', 'k'));
    await vi.waitFor(() => expect(handler.mock.lastCall?.[0].payload).toBe('good'));
    expect(handler).toHaveBeenCalledTimes(4);
    expect(dead).toMatchObject([{ message: { payload: 'bad' }, handler: 'h', reason: 'a bad message' }]);
  });

  it('for good makes its message a dead letter at once', async () => {
    const { pubSub, router, dead } = setUp();
    const handler = vi.fn(() => Promise.reject(new PermanentError('never')));
    router.addNoPublishHandler('h', 'in', pubSub, handler);
    await router.start();
    await pubSub.publish(make(1));
    await vi.waitFor(() => expect(dead).toHaveLength(1));
    expect(handler).toHaveBeenCalledTimes(1);
  });

  it('or throws synchronously is treated alike', async () => {
    const { pubSub, router, dead } = setUp({ retry: { maxAttempts: 1 } });
    router.addNoPublishHandler('h', 'in', pubSub, () => {
      throw 'at once';
    });
    await router.start();
    await pubSub.publish(make(1));
    await vi.waitFor(() => expect(dead.map(({ reason }) => reason)).toEqual(['Handler h threw at once']));
  });

  it('because of an outage, or hangs, runs again until that is over, and no message dies of it', async () => {
    const { pubSub, router, dead } = setUp({ timeoutMs: 5 });
    const handler = vi.fn(async ({ payload }: Message, { attempt }: { attempt: number }) => {
      if (attempt > 8) return;
      if (payload === 'hang') return new Promise<void>(() => undefined);
      throw new Error('could not save', { cause: new BrokerUnavailableError('away') });
    });
    router.addNoPublishHandler('h', 'in', pubSub, handler);
    await router.start();
    await pubSub.publish(make('away'), make('hang'));
    await vi.waitFor(() => expect(handler).toHaveBeenCalledTimes(18), { timeout: 10_000 });
    expect(dead).toEqual([]);
  });

  it('does not hold up messages of other keys', async () => {
    const { pubSub, router } = setUp({ retry: { maxAttempts: 2, initialMs: 60_000 } });
    const done: string[] = [];
    router.addNoPublishHandler('h', 'in', pubSub, async ({ payload }) => {
      if (payload === 'bad') throw new Error('a bad message');
      done.push(payload);
    });
    await router.start();
    await pubSub.publish(make('bad'), ...[1, 2, 3, 4].map((number) => make(number)));
    await vi.waitFor(() => expect(done).toEqual(['1', '2', '3', '4']));
  });

  it('keeps its message while the dead letter cannot be kept', async () => {
    const keep = vi.fn<DeadLetterOffice['keep']>().mockRejectedValueOnce(new Error('away')).mockResolvedValue();
    const { pubSub, router } = setUp({ deadLetters: { keep }, retry: { maxAttempts: 1 } });
    router.addNoPublishHandler('h', 'in', pubSub, () => Promise.reject(new Error('a bad message')));
    await router.start();
    await pubSub.publish(make(1));
    await vi.waitFor(() => expect(keep).toHaveBeenCalledTimes(2), { timeout: 5_000 });
  });

  it('to give any outcome for too many deliveries is not run again', async () => {
    const { pubSub, router, dead } = setUp({ maxDeliveries: 2 });
    let deliveries = 0;
    const crashing = await pubSub.subscribe(
      'in',
      ({ nack }) => (deliveries < 3 ? ((deliveries += 1), void nack()) : undefined),
      {
        group: 'h',
      },
    );
    await pubSub.publish(make(1));
    await vi.waitFor(() => expect(deliveries).toBe(3));
    await crashing.close(0);
    const handler = vi.fn(async () => undefined);
    router.addNoPublishHandler('h', 'in', pubSub, handler);
    await router.start();
    await vi.waitFor(() => expect(dead).toHaveLength(1));
    expect(handler).not.toHaveBeenCalled();
  });
});

describe('an ack that is not confirmed', () => {
  it.each([
    ['warn', 'the broker is away', new BrokerUnavailableError('gone')],
    ['error', 'of anything else', new Error('a bug')],
  ] as const)('is logged as %s where the reason is that %s', async (level, _, reason) => {
    const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
    const { pubSub, router } = setUp({ logger });
    const deaf: Subscriber = {
      subscribe: (topic, receive, options) =>
        pubSub.subscribe(topic, (delivery) => receive({ ...delivery, ack: () => Promise.reject(reason) }), options),
      close: () => pubSub.close(),
    };
    router.addNoPublishHandler('h', 'in', deaf, async () => undefined);
    await router.start();
    await pubSub.publish(make(1));
    await vi.waitFor(() => expect(logger[level]).toHaveBeenCalledOnce());
    expect(logger[level === 'warn' ? 'error' : 'warn']).not.toHaveBeenCalled();
  });
});

describe('middleware', () => {
  it("runs inside of retry, the router's before the handler's own", async () => {
    const { pubSub, router } = setUp();
    const order: string[] = [];
    const named =
      (name: string): Middleware =>
      (next) =>
      async (message, context) => {
        order.push(`${name} ${context.attempt}`);
        return next(message, context);
      };
    router.use(named('first'), named('second'));
    const failing = async (_: Message, { attempt }: { attempt: number }) => {
      if (attempt === 1) throw new Error('not yet');
      order.push('done');
    };
    router.addNoPublishHandler('h', 'in', pubSub, failing, { middleware: [named('own')] });
    await router.start();
    await pubSub.publish(make(1));
    await vi.waitFor(() => expect(order).toContain('done'));
    expect(order).toEqual(['first 1', 'second 1', 'own 1', 'first 2', 'second 2', 'own 2', 'done']);
  });
});

describe('the router', () => {
  it('nacks at its close what waits for a retry, without waiting for it', async () => {
    const { pubSub, router, dead } = setUp({ retry: { maxAttempts: 2, initialMs: 60_000 } });
    const handler = vi.fn(() => Promise.reject(new Error('not yet')));
    router.addNoPublishHandler('h', 'in', pubSub, handler);
    await router.start();
    await pubSub.publish(make(1));
    await vi.waitFor(() => expect(handler).toHaveBeenCalledTimes(1));
    await router.close(60_000);
    const again: number[] = [];
    await pubSub.subscribe('in', ({ attempt, ack }) => (again.push(attempt), void ack()), { group: 'h' });
    await vi.waitFor(() => expect(again).toEqual([2]));
    expect(dead).toEqual([]);
  });

  it('waits at its close for handlers under way', async () => {
    const { pubSub, router } = setUp();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const handler = vi.fn(async () => void (await promise));
    router.addNoPublishHandler('h', 'in', pubSub, handler);
    await router.start();
    await pubSub.publish(make(1));
    await vi.waitFor(() => expect(handler).toHaveBeenCalled());
    const closing = router.close(60_000);
    resolve(undefined);
    await closing;
    const again = vi.fn();
    await pubSub.subscribe('in', again, { group: 'h' });
    await new Promise((resolve) => setImmediate(resolve));
    expect(again).not.toHaveBeenCalled();
  });

  it('aborts at its close handlers that take longer than the grace', async () => {
    const { pubSub, router } = setUp();
    let signal: AbortSignal | undefined;
    router.addNoPublishHandler('h', 'in', pubSub, (_, context) => {
      signal = context.signal;
      return new Promise(() => undefined);
    });
    await router.start();
    await pubSub.publish(make(1));
    await vi.waitFor(() => expect(signal).toBeDefined());
    await router.close(5);
    expect(signal?.aborted).toBe(true);
  });

  it('refuses two handlers of one name, and handlers after its start', async () => {
    const { pubSub, router } = setUp();
    router.addNoPublishHandler('h', 'in', pubSub, async () => undefined);
    expect(() => router.addHandler('h', 'in', pubSub, 'out', pubSub, async () => undefined)).toThrow(/named h already/);
    await router.start();
    expect(() => router.addNoPublishHandler('i', 'in', pubSub, async () => undefined)).toThrow(/started/);
    await expect(router.start()).rejects.toThrow(/started/);
  });

  it('closes what it has subscribed when a subscription fails', async () => {
    const { pubSub, router } = setUp();
    const handler = vi.fn(async () => undefined);
    const refusing = { subscribe: () => Promise.reject(new Error('no')), close: async () => undefined };
    router.addNoPublishHandler('h', 'in', pubSub, handler);
    router.addNoPublishHandler('i', 'in', refusing, handler);
    await expect(router.start()).rejects.toThrow('no');
    await pubSub.publish(make(1));
    await new Promise((resolve) => setImmediate(resolve));
    expect(handler).not.toHaveBeenCalled();
  });

  it('ends each message done or as a dead letter, never both, whatever fails', async () => {
    const plan = fc.record({
      key: fc.constantFrom('a', 'b', 'c'),
      /** How often the handler fails before it succeeds, and how: for a while, or for good. */
      failures: fc.nat(6),
      permanent: fc.boolean(),
      /** How often its letter can't be kept, and its receiver nacks before the handler gets it. */
      lettersLost: fc.nat(2),
      nacks: fc.nat(3),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(plan, { maxLength: 25 }),
        fc.integer({ min: 1, max: 5 }),
        async (plans, maxInFlight) => {
          const pubSub = new InProcessPubSub();
          const left = plans.map((planned) => ({ ...planned }));
          const of = ({ payload }: Message) => left[Number(payload)] as (typeof left)[number];
          const events: string[] = [];
          const keep = async ({ message }: DeadLetter): Promise<void> => {
            if (of(message).lettersLost-- > 0) throw new Error('the office is closed');
            events.push(`dead ${message.payload}`);
          };
          const router = new EventRouter({ retry: QUICK, deadLetters: { keep }, maxDeliveries: 1_000 });
          const nacking = {
            close: async () => undefined,
            subscribe: ((topic, receive, options) =>
              pubSub.subscribe(
                topic,
                (delivery) => {
                  if (of(delivery.message).nacks-- > 0) return void delivery.nack();
                  receive({ ...delivery, nack: () => delivery.nack(1) });
                },
                options,
              )) as InProcessPubSub['subscribe'],
          };
          router.addNoPublishHandler(
            'h',
            'in',
            nacking,
            async (message) => {
              await Promise.resolve();
              events.push(`try ${message.payload}`);
              const planned = of(message);
              if (planned.failures-- > 0)
                throw planned.permanent ? new PermanentError('for good') : new Error('for now');
              events.push(`done ${message.payload}`);
            },
            { maxInFlight },
          );
          await router.start();
          await pubSub.publish(...plans.map(({ key }, index) => make(index, key)));
          const ends = () => events.filter((event) => !event.startsWith('try'));
          await vi.waitFor(() => expect(ends()).toHaveLength(plans.length), { interval: 1, timeout: 10_000 });
          await router.close();
          await pubSub.close();

          for (const index of plans.keys()) {
            const own = events.filter((event) => event.endsWith(` ${index}`));
            expect(own.filter((event) => !event.startsWith('try'))).toHaveLength(1);
            expect(own.at(-1)).not.toBe(`try ${index}`);
          }
        },
      ),
      { numRuns: 50 },
    );
  }, 60_000);
});
