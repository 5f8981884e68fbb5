import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { startNats } from '../../tests/services/nats.ts';
import type { RunningService } from '../../tests/services/service.ts';
import { serviceUrl } from '../../tests/services/urls.ts';
import { BrokerUnavailableError, InvalidTopicError, MessageTooLargeError } from './errors.ts';
import { EventRouter } from './event-router.ts';
import { newMessage } from './message.ts';
import { connectNats, type NatsOptions, type NatsPubSub } from './nats.ts';
import { pubSubContract } from './pubsub.contract.ts';
import type { Delivery, SubscribeOptions, Subscriber } from './pubsub.ts';

const url = serviceUrl('nats') ?? '';

/** Streams and subjects that no other test uses. */
function ownOptions(server = url): NatsOptions & { readonly prefix: string } {
  const prefix = `test-${randomUUID().slice(0, 8)}`;
  return {
    url: server,
    prefix,
    streams: [{ name: prefix, topics: ['topic', 'topic.other'] }],
    signalTopics: ['signal'],
    signal: AbortSignal.timeout(60_000),
  };
}

async function dropStreams(options: NatsOptions): Promise<void> {
  const connection = await connect({ servers: options.url });
  const manager = await jetstreamManager(connection);
  for (const { name } of options.streams) await manager.streams.delete(name).catch(() => false);
  await connection.close();
}

async function collect(subscriber: Subscriber, topic: string, options?: SubscribeOptions) {
  const payloads: string[] = [];
  const take = async ({ message, ack }: Delivery) => {
    payloads.push(message.payload);
    await ack().catch(() => undefined);
  };
  const subscription = await subscriber.subscribe(topic, (delivery) => void take(delivery), options);
  return { payloads, subscription };
}

const make = (payload: string | number, topic = 'topic', key = 'k') =>
  newMessage({ topic, key, payload: String(payload) });

describe.skipIf(!url)('on NATS', () => {
  pubSubContract(
    'NatsPubSub',
    async () => {
      const options = ownOptions();
      return {
        open: () => connectNats(options),
        topic: 'topic',
        otherTopic: 'topic.other',
        dispose: () => dropStreams(options),
      };
    },
    { shared: true },
  );

  describe('NatsPubSub', () => {
    const options = ownOptions();
    const opened: NatsPubSub[] = [];
    const open = async (more: Partial<NatsOptions> = {}) => {
      const pubSub = await connectNats({ ...options, ...more });
      opened.push(pubSub);
      return pubSub;
    };
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((pubSub) => pubSub.close()));
      await dropStreams(options);
    });

    it('keeps for a new group what was published before it came', async () => {
      const pubSub = await open();
      await pubSub.publish(make(1));
      const received = await collect(pubSub, 'topic', { group: 'g' });
      await vi.waitFor(() => expect(received.payloads).toEqual(['1']));
    });

    it('publishes a message once however often its id is published', async () => {
      const pubSub = await open();
      const received = await collect(pubSub, 'topic', { group: 'g' });
      const [one, two] = [make(1), make(2)];
      await pubSub.publish(one, one);
      await pubSub.publish(one, two);
      await pubSub.publish(make('the end'));
      await vi.waitFor(() => expect(received.payloads).toEqual(['1', '2', 'the end']));
    });

    it('keeps a message only until it is handled, where it is told so, and makes anew what was kept otherwise', async () => {
      const before = await open();
      await before.publish(make('of before'));
      await before.close(); // as long as it is there, it brings the stream into its own line
      const streams = options.streams.map((stream) => ({ ...stream, kept: 'until-handled' as const }));
      const pubSub = await open({ streams });
      const connection = await connect({ servers: url });
      const manager = await jetstreamManager(connection);
      const held = async () => (await manager.streams.info(options.prefix)).state.messages;
      expect(await held()).toBe(0);
      await pubSub.publish(make(1), make(2));
      expect(await held()).toBe(2);
      const received = await collect(pubSub, 'topic', { group: 'g' });
      await vi.waitFor(() => expect(received.payloads).toEqual(['1', '2']));
      await vi.waitFor(async () => expect(await held()).toBe(0));
      await connection.close();
    });

    it('makes a stream again that somebody deleted, and goes on', async () => {
      const pubSub = await open();
      const received = await collect(pubSub, 'topic', { group: 'g' });
      await dropStreams(options);
      await vi.waitFor(() => pubSub.publish(make(1)), { timeout: 10_000 });
      await vi.waitFor(() => expect(received.payloads).toContain('1'), { timeout: 10_000 });
      await vi.waitFor(() => pubSub.ping());
    });

    it('sends signals to those who listen, at most once', async () => {
      const pubSub = await open();
      const all = await collect(pubSub, 'signal');
      const some = await collect(pubSub, 'signal', { key: 'feed:发布会' });
      await pubSub.publish(make(1, 'signal', 'feed:发布会'), make(2, 'signal', 'feeds'));
      await vi.waitFor(() => expect(all.payloads).toEqual(['1', '2']));
      expect(some.payloads).toEqual(['1']);
    });

    it('keeps nothing of a signal, so it has no groups', async () => {
      const pubSub = await open();
      await expect(pubSub.subscribe('signal', () => undefined, { group: 'g' })).rejects.toThrow(InvalidTopicError);
    });

    it('refuses topics that it does not know', async () => {
      const pubSub = await open();
      await expect(pubSub.publish(make(1, 'unknown'))).rejects.toThrow(InvalidTopicError);
      await expect(pubSub.subscribe('unknown', () => undefined)).rejects.toThrow(InvalidTopicError);
    });

    it('refuses topics that are no subjects', async () => {
      await expect(connectNats({ ...options, signalTopics: ['a b'] })).rejects.toThrow(InvalidTopicError);
      await expect(connectNats({ ...options, signalTopics: ['a.>'] })).rejects.toThrow(InvalidTopicError);
    });

    it('refuses a message that is larger than the broker takes, and stays connected', async () => {
      const pubSub = await open();
      await expect(pubSub.publish(make('x'.repeat(1_048_576)))).rejects.toThrow(MessageTooLargeError);
      await pubSub.publish(make(1));
    });

    it('sends none of several messages when one of them can never be sent', async () => {
      const pubSub = await open();
      const received = await collect(pubSub, 'topic', { group: 'g' });
      await expect(pubSub.publish(make('good'), make('x'.repeat(1_048_576)))).rejects.toThrow(MessageTooLargeError);
      await expect(pubSub.publish(make('good'), make(2, 'unknown'))).rejects.toThrow(InvalidTopicError);
      await pubSub.publish(make('last'));
      // Another test's message may still be in the stream, where the broker was slow to drop it.
      await vi.waitFor(() => expect(received.payloads.at(-1)).toBe('last'), 10_000);
      expect(received.payloads).not.toContain('good');
    });

    it('brings the limits of a stream into line', async () => {
      await open();
      const [stream] = options.streams;
      await open({
        streams: [{ name: options.prefix, topics: [...(stream?.topics ?? []), 'third'], maxAgeMs: 600_000 }],
      });
      const connection = await connect({ servers: url });
      const { config } = await (await jetstreamManager(connection)).streams.info(options.prefix);
      await connection.close();
      expect(config).toMatchObject({ max_age: 600_000_000_000, storage: 'file', duplicate_window: 120_000_000_000 });
      expect(config.subjects).toHaveLength(3);
    });

    it('refuses a stream whose topics are in another one, in the words of the broker', async () => {
      await open();
      const streams = [{ name: `${options.prefix}-2`, topics: ['topic'] }];
      await expect(connectNats({ ...options, streams })).rejects.toThrow(/overlap/);
    });

    it('prepares the same streams and groups in several processes at once', async () => {
      const all = await Promise.all([open(), open(), open(), open()]);
      const received = await Promise.all(all.map((pubSub) => collect(pubSub, 'topic', { group: 'g' })));
      await all[0]?.publish(make(1));
      await vi.waitFor(() => expect(received.flatMap(({ payloads }) => payloads)).toEqual(['1']));
    });

    it('gives the message of a process that was killed to another within the ack wait', async () => {
      const program = `
        import { connectNats } from ${JSON.stringify(new URL('./nats.ts', import.meta.url).href)};
        const pubSub = await connectNats(${JSON.stringify({ ...options, signal: undefined, ackWaitMs: 1_000 })});
        await pubSub.subscribe('topic', () => console.log('has it'), { group: 'g' });
      `;
      const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const survivor = await open({ ackWaitMs: 1_000 });
      await survivor.publish(make(1));
      await once(child.stdout, 'data');
      child.kill('SIGKILL');
      await once(child, 'exit');
      const attempts: number[] = [];
      await survivor.subscribe('topic', ({ attempt, ack }) => (attempts.push(attempt), void ack()), { group: 'g' });
      await vi.waitFor(() => expect(attempts).toEqual([2]), { timeout: 5_000 });
    });

    it('keeps a message that is worked on for longer than the ack wait', async () => {
      const pubSub = await open({ ackWaitMs: 600 });
      const held: Delivery[] = [];
      await pubSub.subscribe('topic', (delivery) => held.push(delivery), { group: 'g', maxInFlight: 2 });
      const other = await open({ ackWaitMs: 600 });
      await pubSub.publish(make(1));
      await vi.waitFor(() => expect(held).toHaveLength(1));
      const stolen = await collect(other, 'topic', { group: 'g' });
      const start = performance.now();
      await vi.waitFor(() => expect(performance.now() - start).toBeGreaterThan(2_000), { timeout: 5_000 });
      expect(held).toHaveLength(1);
      expect(stolen.payloads).toEqual([]);
      await held[0]?.ack();
    });

    it('makes a consumer again that somebody deleted', async () => {
      const pubSub = await open();
      const received = await collect(pubSub, 'topic', { group: 'g' });
      await pubSub.publish(make(1));
      await vi.waitFor(() => expect(received.payloads).toEqual(['1']));
      const connection = await connect({ servers: url });
      const manager = await jetstreamManager(connection);
      for await (const { name } of manager.consumers.list(options.prefix)) {
        await manager.consumers.delete(options.prefix, name);
      }
      await connection.close();
      await pubSub.publish(make(2));
      await vi.waitFor(() => expect(received.payloads.at(-1)).toBe('2'), { timeout: 10_000 });
    });

    it('names neither user nor password in its errors', async () => {
      const secret = url.replace('nats://', 'nats://somebody:s3cret@').replace(/:\d+$/, ':1');
      const failure = await connectNats({ ...options, url: secret, signal: AbortSignal.timeout(50) }).catch(
        (error: unknown) => error,
      );
      expect(failure).toBeInstanceOf(BrokerUnavailableError);
      expect(`${failure}`).not.toMatch(/somebody|s3cret/);
    });
  });
});

describe.skipIf(!url)('a NATS broker killed and restarted', () => {
  let broker: RunningService;
  let pubSub: NatsPubSub;
  let options: NatsOptions;
  beforeAll(async () => {
    broker = await startNats({ own: true });
  });
  afterAll(() => broker.stop());
  afterEach(async () => {
    await pubSub.close();
    await dropStreams(options);
  });
  const start = async (more: Partial<NatsOptions> = {}) => {
    options = { ...ownOptions(broker.url), ...more };
    pubSub = await connectNats(options);
  };

  it('loses no message that it took, and delivers within 5 s of its return', async () => {
    await start();
    const group = await collect(pubSub, 'topic', { group: 'g', maxInFlight: 4 });
    await pubSub.publish(...[1, 2, 3].map((number) => make(number)));
    await vi.waitFor(() => expect(group.payloads).toHaveLength(3));
    for (const round of [4, 5, 6]) {
      await broker.kill();
      await broker.restart();
      await vi.waitFor(() => pubSub.publish(make(round)), { timeout: 5_000 });
      await vi.waitFor(() => expect(group.payloads).toContain(String(round)), { timeout: 5_000 });
    }
    expect(new Set(group.payloads)).toEqual(new Set(['1', '2', '3', '4', '5', '6']));
  });

  it('keeps what a group has not acked', async () => {
    await start({ ackWaitMs: 1_000 });
    const held: Delivery[] = [];
    const subscription = await pubSub.subscribe('topic', (delivery) => held.push(delivery), { group: 'g' });
    await pubSub.publish(make(1), make(2));
    await vi.waitFor(() => expect(held).toHaveLength(1));
    await broker.kill();
    await broker.restart();
    await vi.waitFor(() => pubSub.ping(), { timeout: 5_000 });
    await subscription.close(0);
    const rest = await collect(pubSub, 'topic', { group: 'g' });
    await vi.waitFor(() => expect(rest.payloads.toSorted()).toEqual(['1', '2']), { timeout: 10_000 });
  });

  it('rejects to publish while it is away, in bounded time, and says so to ping', async () => {
    await start({ timeoutMs: 1_000 });
    await broker.kill();
    const begin = performance.now();
    await expect(pubSub.publish(make(1))).rejects.toThrow(BrokerUnavailableError);
    await expect(pubSub.publish(make(1, 'signal'))).rejects.toThrow(BrokerUnavailableError);
    await expect(pubSub.ping()).rejects.toThrow(BrokerUnavailableError);
    expect(performance.now() - begin).toBeLessThan(6_000);
    await broker.restart();
    await vi.waitFor(() => pubSub.ping(), { timeout: 5_000 });
  });

  it('tells those who listen to a key of the gap, and then delivers to them again', async () => {
    await start();
    const gaps = vi.fn();
    const received = await collect(pubSub, 'signal', { key: 'k', onGap: gaps });
    await broker.kill();
    await broker.restart();
    await vi.waitFor(() => expect(gaps).toHaveBeenCalledTimes(1), { timeout: 5_000 });
    await pubSub.publish(make(1, 'signal'));
    await vi.waitFor(() => expect(received.payloads).toEqual(['1']));
  });

  it('lets one begin to listen to a key while it is away, and tells of the gap', async () => {
    await start();
    await broker.kill();
    await expect(pubSub.ping()).rejects.toThrow(BrokerUnavailableError);
    const gaps = vi.fn();
    const received = await collect(pubSub, 'signal', { key: 'k', onGap: gaps });
    await expect(collect(pubSub, 'topic', { group: 'g' })).rejects.toThrow(BrokerUnavailableError);
    await broker.restart();
    await vi.waitFor(() => expect(gaps).toHaveBeenCalledTimes(1), { timeout: 5_000 });
    await pubSub.publish(make(1, 'signal'));
    await vi.waitFor(() => expect(received.payloads).toEqual(['1']));
  });

  it('that lost its storage gets its streams again', async () => {
    await start();
    const group = await collect(pubSub, 'topic', { group: 'g' });
    await pubSub.publish(make(1), make(2));
    await vi.waitFor(() => expect(group.payloads).toHaveLength(2));
    await dropStreams(options);
    await broker.kill();
    await broker.restart();
    await vi.waitFor(() => pubSub.publish(make(3)), { timeout: 5_000 });
    await vi.waitFor(() => expect(group.payloads).toEqual(['1', '2', '3']), { timeout: 5_000 });
  });

  it('ends nothing otherwise than done or as a dead letter, in a router', async () => {
    await start({ ackWaitMs: 1_000 });
    const ended = new Map<string, Set<string>>();
    const note = (payload: string, end: string): void => {
      ended.set(payload, (ended.get(payload) ?? new Set()).add(end));
    };
    const router = new EventRouter({
      retry: { maxAttempts: 2, initialMs: 1 },
      deadLetters: { keep: async ({ message }) => note(message.payload, 'dead') },
    });
    router.addNoPublishHandler('h', 'topic', pubSub, async ({ payload }, { attempt }) => {
      if (Number(payload) % 10 === 0) throw new Error('a bad message');
      if (Number(payload) % 7 === 0 && attempt === 1) throw new Error('not yet');
      note(payload, 'done');
    });
    await router.start();
    const all = Array.from({ length: 400 }, (_, index) => make(index, 'topic', `key-${index % 20}`));
    for (const part of [0, 100, 200, 300]) {
      const messages = all.slice(part, part + 100);
      const killing = part % 200 === 0 ? broker.kill().then(() => broker.restart()) : undefined;
      await vi.waitFor(() => pubSub.publish(...messages), { timeout: 15_000, interval: 100 });
      await killing;
    }
    await vi.waitFor(() => expect(ended.size).toBe(400), { timeout: 15_000 });
    for (const [payload, ends] of ended) expect([...ends]).toEqual([Number(payload) % 10 === 0 ? 'dead' : 'done']);
    await router.close();
  });

  it('can be closed while it is away', async () => {
    await start();
    await collect(pubSub, 'topic', { group: 'g' });
    await broker.kill();
    const begin = performance.now();
    await pubSub.close();
    expect(performance.now() - begin).toBeLessThan(6_000);
    await broker.restart();
  });

  it('is waited for by those who come first', async () => {
    options = ownOptions(broker.url);
    await broker.kill();
    const connecting = connectNats(options);
    await broker.restart();
    pubSub = await connecting;
    await pubSub.ping();
  });
});

describe.skipIf(!url)('a connection to NATS', () => {
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  let pubSub: NatsPubSub;
  let options: NatsOptions;
  beforeEach(async () => {
    proxy = await startProxy(Number(new URL(url).port));
    options = { ...ownOptions(`nats://127.0.0.1:${proxy.port}`), timeoutMs: 1_000 };
    pubSub = await connectNats(options);
  });
  afterEach(async () => {
    await pubSub.close();
    proxy.close();
    await dropStreams({ ...options, url });
  });

  it('that is cut comes back, with everything published meanwhile', async () => {
    const other = await connectNats({ ...options, url });
    const group = await collect(pubSub, 'topic', { group: 'g' });
    for (const round of [1, 2, 3, 4, 5]) {
      proxy.cut();
      await other.publish(make(round));
    }
    await vi.waitFor(() => expect(new Set(group.payloads).size).toBe(5), { timeout: 10_000 });
    await other.close();
  });

  it('that is cut rejects what waits for its answer, at once', async () => {
    const patient = await connectNats({ ...options, timeoutMs: 60_000 });
    proxy.silence();
    const outcome = expect(patient.publish(make(1))).rejects.toThrow(BrokerUnavailableError);
    await new Promise((resolve) => setImmediate(resolve));
    proxy.cut();
    await outcome;
    await patient.close();
  });

  it('that goes silent lets publishing fail in bounded time, and is given up and made anew', async () => {
    const gaps = vi.fn();
    const signals = await collect(pubSub, 'signal', { key: 'k', onGap: gaps });
    const group = await collect(pubSub, 'topic', { group: 'g' });
    proxy.silence();
    const begin = performance.now();
    await expect(pubSub.publish(make(1))).rejects.toThrow(BrokerUnavailableError);
    await expect(pubSub.publish(make(1, 'signal'))).rejects.toThrow(BrokerUnavailableError);
    await expect(pubSub.ping()).rejects.toThrow(BrokerUnavailableError);
    expect(performance.now() - begin).toBeLessThan(6_000);
    await vi.waitFor(() => expect(gaps).toHaveBeenCalled(), { timeout: 12_000 });
    await pubSub.publish(make(2), make(2, 'signal'));
    await vi.waitFor(() => expect(signals.payloads).toContain('2'), { timeout: 5_000 });
    await vi.waitFor(() => expect(group.payloads).toContain('2'), { timeout: 5_000 });
  });
});

/** A TCP proxy whose present connections can be cut, or go silent; new ones work. */
async function startProxy(target: number) {
  const pairs = new Set<readonly [Socket, Socket]>();
  const server = createServer((client) => {
    const pair = [client, createConnection(target, '127.0.0.1')] as const;
    pairs.add(pair);
    const end = (): void => {
      for (const socket of pair) socket.destroy();
      pairs.delete(pair);
    };
    for (const socket of pair) socket.on('error', end).on('close', end);
    pair[0].pipe(pair[1]).pipe(pair[0]);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    for (const sockets of pairs) for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    silence: () => {
      for (const [client, broker] of pairs) {
        client.unpipe(broker);
        broker.unpipe(client);
        client.resume();
        broker.resume();
      }
    },
    close: () => {
      cut();
      server.close();
    },
  };
}
