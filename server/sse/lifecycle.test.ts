import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Subscriber, Subscription } from '../messaging/pubsub.ts';
import type { CloseReason } from './metrics.ts';
import type { SseRouterOptions } from './sse-router.ts';
import { EventClient, FakeTimers, message, SHELF_TOPIC, startRig, type Rig } from './testing.ts';

let rig: Rig;
const timers = new FakeTimers();
const clients: EventClient[] = [];

async function start(options: Partial<SseRouterOptions> = {}): Promise<void> {
  rig = await startRig({ timers, rereadMs: 3_600_000, heartbeatMs: 15_000, ...options });
}

function connect(path: string, headers: Record<string, string> = {}): EventClient {
  const client = new EventClient(rig.port, path, headers);
  clients.push(client);
  return client;
}

const stream = (path: string) =>
  fetch(`http://127.0.0.1:${rig.port}${path}`, { headers: { accept: 'text/event-stream' } });
const eventually = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 2 });

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await rig[Symbol.asyncDispose]();
});

test('a multiplexed stream has a heartbeat event without an id, a single one a comment', async () => {
  await start();
  const [live, single] = [connect('/live?stream=shelf:a'), connect('/a')];
  await eventually(() => expect([live.events.length, single.events.length]).toEqual([1, 1]));
  timers.advance(15_000);
  await eventually(() => expect([live.events.length, single.parser.comments.length]).toEqual([2, 1]));
  expect(live.events[1]).toMatchObject({ event: 'heartbeat', lastEventId: '' });
  expect(JSON.parse(live.events[1]?.data ?? '')).toEqual({
    at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    everyMs: 15_000,
    upMs: expect.any(Number),
    ageMs: expect.any(Number),
    versions: { 'shelf:a': 0 },
  });
  expect([single.events.length, single.parser.comments]).toEqual([1, [' heartbeat']]);
});

describe('a heartbeat', () => {
  type Heartbeat = { upMs: number; ageMs: number; versions: Record<string, number> };
  const heartbeats = ({ events }: EventClient): Heartbeat[] =>
    events.filter(({ event }) => event === 'heartbeat').map(({ data }) => JSON.parse(data) as Heartbeat);
  const beat = async (client: EventClient) => {
    const before = heartbeats(client).length;
    timers.advance(15_000);
    await eventually(() => expect(heartbeats(client).length).toBeGreaterThan(before));
    return heartbeats(client).at(-1);
  };

  test('vouches for what the client was sent of each of its streams', async () => {
    await start({ rereadMs: 15_000 });
    await rig.shelves.put('a', { x: '1' });
    const client = connect('/live?stream=shelf:a&stream=shelf:b@0');
    await eventually(() => expect(client.live()).toHaveLength(1));
    await rig.shelves.put('a', { x: '2' });
    await eventually(() => expect(client.live()).toHaveLength(2));
    expect((await beat(client))?.versions).toEqual({ 'shelf:a': 2, 'shelf:b': 0 });
  });

  test('tells how old the connection is, by which a client knows how late it comes', async () => {
    await start();
    const client = connect('/live?stream=shelf:a');
    await eventually(() => expect(client.events).toHaveLength(1));
    const [first, second] = [await beat(client), await beat(client)];
    expect((second?.upMs ?? 0) - (first?.upMs ?? 0)).toBe(15_000);
  });

  test('tells for how long a stream could not be read', async () => {
    await start({ rereadMs: 15_000 });
    const client = connect('/live?stream=shelf:a');
    await eventually(() => expect(client.events).toHaveLength(1));
    await beat(client);
    rig.shelves.failure = new Error('the database is away');
    for (let round = 0; round < 4; round++) await beat(client);
    expect((await beat(client))?.ageMs).toBeGreaterThanOrEqual(60_000);
    rig.shelves.failure = undefined;
    await beat(client);
    await eventually(async () => expect((await beat(client))?.ageMs).toBeLessThanOrEqual(15_000));
  });

  test('tells how far what is read is behind what was accepted', async () => {
    let lagMs = 0;
    await start({ lagMs: () => lagMs });
    const client = connect('/live?stream=shelf:a');
    await eventually(() => expect(client.events).toHaveLength(1));
    expect((await beat(client))?.ageMs).toBeLessThan(60_000);
    lagMs = 61_000;
    expect((await beat(client))?.ageMs).toBe(61_000);
  });
});

test('each client gets one heartbeat in a period, and not all get it at once', async () => {
  await start();
  const many = Array.from({ length: 45 }, () => connect('/live?stream=shelf:a'));
  await eventually(() => expect(many.every(({ events }) => events.length === 1)).toBe(true));
  timers.advance(1_000);
  await eventually(() => expect(many.filter(({ events }) => events.length === 2)).toHaveLength(3));
  timers.advance(14_000);
  await eventually(() => expect(many.every(({ events }) => events.length === 2)).toBe(true));
});

test('a connection ends at its age, give or take a fifth, and asks to come back', async () => {
  const reasons: CloseReason[] = [];
  await start({ maxConnectionMs: 600_000, random: () => 0.5, metrics: { closed: (reason) => reasons.push(reason) } });
  const client = connect('/live?stream=shelf:a');
  await eventually(() => expect(client.events).toHaveLength(1));
  timers.advance(599_000);
  expect(client.isClosed).toBe(false);
  timers.advance(16_000);
  await client.closed;
  expect(reasons).toEqual(['age']);
  expect(client.parser.retryMs).toBe(1_000);
});

test('drain sends new streams away, spreads the endings over the grace period, each with a delay of its own', async () => {
  await start();
  const many = Array.from({ length: 40 }, () => connect('/live?stream=shelf:a'));
  await eventually(() => expect(many.every(({ events }) => events.length === 1)).toBe(true));
  const drained = rig.router.drain(100);
  for (const path of ['/live?stream=shelf:a', '/a']) {
    const sentAway = await stream(path);
    expect([sentAway.status, sentAway.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
    expect(await sentAway.text()).toMatch(/^retry: ?\d{4}\n\n$/);
  }
  timers.advance(50);
  await eventually(() => expect(many.filter(({ isClosed }) => isClosed).length).toBeGreaterThan(10));
  expect(many.filter(({ isClosed }) => isClosed).length).toBeLessThan(30);
  timers.advance(50);
  await Promise.all(many.map(({ closed }) => closed));
  await drained;
  expect(new Set(many.map(({ parser }) => parser.retryMs)).size).toBeGreaterThan(20);
  expect(rig.router.stats()).toEqual({ connections: 0, streams: 0, queuedBytes: 0 });
});

test('drain ends a few streams at once, and does not use up the grace period', async () => {
  await start();
  const few = [connect('/live?stream=shelf:a'), connect('/live?stream=shelf:a')];
  await eventually(() => expect(few.every(({ events }) => events.length === 1)).toBe(true));
  const drained = rig.router.drain(10_000);
  timers.advance(20);
  await Promise.all([drained, ...few.map(({ closed }) => closed)]);
});

test('drain cuts off who does not read at the end of the grace period', async () => {
  await start();
  await rig.shelves.put('a', { book: 'x'.repeat(20_000_000) });
  const stuck = connect('/live?stream=shelf:a');
  await eventually(() => expect(stuck.status).toBe(200));
  stuck.pause();
  const drained = rig.router.drain(10_000);
  timers.advance(10_000);
  await drained;
  expect(rig.router.stats().connections).toBe(0);
});

test('closing while it drains cuts the grace period short, and both are told', async () => {
  await start();
  const client = connect('/live?stream=shelf:a');
  await eventually(() => expect(client.events).toHaveLength(1));
  const drained = rig.router.drain(3_600_000);
  const closed = rig.router.close();
  timers.advance(1);
  await Promise.all([drained, closed, client.closed]);
});

test('a stream stays for a while after its last client left, then its subscription goes', async () => {
  await start({ lingerMs: 30_000, rereadMs: 15_000 });
  const client = connect('/live?stream=shelf:a');
  await eventually(() => expect(client.events).toHaveLength(1));
  client.close();
  await eventually(() => expect(rig.router.stats()).toMatchObject({ connections: 0, streams: 1 }));
  timers.advance(15_000);
  expect(rig.router.stats().streams).toBe(1);
  timers.advance(30_000);
  expect(rig.router.stats().streams).toBe(0);
  expect(timers.size).toBe(0);
});

test('who comes back to a stream that changed while nobody watched gets the present state', async () => {
  await start();
  const first = connect('/live?stream=shelf:a');
  await eventually(() => expect(first.events).toHaveLength(1));
  first.close();
  await eventually(() => expect(rig.router.stats().connections).toBe(0));
  await rig.shelves.put('a', { one: '1' });
  const second = connect('/live?stream=shelf:a');
  await eventually(() => expect(second.live()).toMatchObject([{ version: 1, state: { one: '1' } }]));
});

test('no more connections than allowed', async () => {
  await start({ maxConnections: 2 });
  const both = [connect('/live?stream=shelf:a'), connect('/b')];
  await eventually(() => expect(both.every(({ events }) => events.length === 1)).toBe(true));
  const third = await stream('/live?stream=shelf:a');
  expect([third.status, third.headers.has('retry-after')]).toEqual([503, true]);
  both[0]?.close();
  await eventually(() => expect(rig.router.stats().connections).toBe(1));
  const fourth = connect('/live?stream=shelf:a');
  await eventually(() => expect(fourth.status).toBe(200));
});

test('a client that opens very many streams is refused the next, others are not', async () => {
  await start({ maxConnectionsPerClient: 3, clientOf: (request) => String(request.headers['x-client']) });
  const greedy = Array.from({ length: 3 }, () => connect('/live?stream=shelf:a', { 'x-client': 'greedy' }));
  await eventually(() => expect(greedy.every(({ status }) => status === 200)).toBe(true));
  const [fourth, other] = [connect('/a', { 'x-client': 'greedy' }), connect('/a', { 'x-client': 'other' })];
  await eventually(() => expect([fourth.status, other.status]).toEqual([429, 200]));
  for (const client of greedy) client.close();
  await eventually(() => expect(rig.router.stats().connections).toBe(1));
  const again = connect('/a', { 'x-client': 'greedy' });
  await eventually(() => expect(again.status).toBe(200));
});

test('a lost message is made good by the next reading of what is watched', async () => {
  await start({ rereadMs: 15_000 });
  const [live, single] = [connect('/live?stream=shelf:a'), connect('/a')];
  await eventually(() => expect([live.events.length, single.events.length]).toEqual([1, 1]));
  rig.shelves.putSilently('a', { one: '1' });
  timers.advance(15_000);
  await eventually(() => expect(live.live().at(-1)?.version).toBe(1));
  await eventually(() => expect(single.events.at(-1)?.lastEventId).toBe('1'));
});

test('the regular reading of an unchanged stream reads no state and sends nothing', async () => {
  await start({ rereadMs: 15_000, heartbeatMs: 3_600_000 });
  const [live, single] = [connect('/live?stream=shelf:a'), connect('/b')];
  await eventually(() => expect([live.events.length, single.events.length]).toEqual([1, 1]));
  timers.advance(15_000);
  await eventually(() => expect(rig.shelves.reads).toEqual({ snapshot: 2, changes: 2 }));
  expect([live.events.length, single.events.length]).toEqual([1, 1]);
});

test('a read that fails is reported and made again, and the client stays', async () => {
  await start();
  const client = connect('/live?stream=shelf:a');
  await eventually(() => expect(client.events).toHaveLength(1));
  rig.shelves.failure = new Error('no database');
  await rig.shelves.put('a', { one: '1' });
  await eventually(() => expect(rig.readErrors).toEqual([rig.shelves.failure]));
  rig.shelves.failure = undefined;
  timers.advance(1_000);
  await eventually(() => expect(client.live().at(-1)).toMatchObject({ from: 0, version: 1 }));
});

test('a read that fails for a client whose stream has begun ends it, and the error handler is told', async () => {
  await start();
  const [a] = [connect('/live?stream=shelf:a')];
  await eventually(() => expect(a?.events).toHaveLength(1));
  rig.shelves.onRead = (_kind, name) =>
    name === 'shelf:b' ? Promise.reject(new Error('no database')) : Promise.resolve();
  const client = connect('/live?stream=shelf:a&stream=shelf:b');
  await client.closed;
  expect(client.status).toBe(200);
  expect(rig.errors).toMatchObject([{ message: 'no database' }]);
});

test('an onGap has every watched stream read again', async () => {
  const gaps: (() => void)[] = [];
  await start();
  const subscribe = rig.pubSub.subscribe.bind(rig.pubSub);
  rig.pubSub.subscribe = (topic, receive, options) => {
    if (options?.onGap) gaps.push(options.onGap);
    return subscribe(topic, receive, options);
  };
  const client = connect('/live?stream=shelf:a');
  await eventually(() => expect(client.events).toHaveLength(1));
  rig.shelves.putSilently('a', { one: '1' });
  for (const gap of gaps) gap();
  await eventually(() => expect(client.live().at(-1)?.version).toBe(1));
});

test('a subscription that cannot be made is an answer of the error handler, and the next client tries again', async () => {
  let isDown = true;
  await start();
  const subscribe = rig.pubSub.subscribe.bind(rig.pubSub);
  rig.pubSub.subscribe = (...call) => (isDown ? Promise.reject(new Error('no broker')) : subscribe(...call));
  expect((await stream('/live?stream=shelf:a')).status).toBe(500);
  isDown = false;
  const client = connect('/live?stream=shelf:a');
  await eventually(() => expect(client.events).toHaveLength(1));
  await rig.shelves.put('a', { one: '1' });
  await eventually(() => expect(client.events).toHaveLength(2));
});

test('a burst on one stream is read a few times, not once for each message', async () => {
  await start();
  const client = connect('/live?stream=shelf:a');
  await eventually(() => expect(client.events).toHaveLength(1));
  for (let i = 0; i < 100; i++) rig.shelves.putSilently('a', { [i]: 'x' });
  await rig.pubSub.publish(...Array.from({ length: 100 }, (_, i) => message(SHELF_TOPIC, 'shelf:a', `burst-${i}`)));
  await eventually(() => expect(client.live().at(-1)?.version).toBe(100));
  expect(rig.shelves.reads.changes).toBeLessThanOrEqual(2);
});

test('10,000 clients that come and go leave nothing behind', async () => {
  const open = new Set<Subscription>();
  await start({ lingerMs: 0, rereadMs: 15_000 });
  const { pubSub, router, server } = rig;
  const subscribe: Subscriber['subscribe'] = pubSub.subscribe.bind(pubSub);
  pubSub.subscribe = async (...call) => {
    const subscription = await subscribe(...call);
    open.add(subscription);
    return {
      close: async (graceMs) => {
        open.delete(subscription);
        await subscription.close(graceMs);
      },
    };
  };
  for (let round = 0; round < 40; round++) {
    const batch = Array.from(
      { length: 250 },
      (_, i) => new EventClient(rig.port, i % 2 ? `/${i % 7}` : `/live?stream=shelf:${i % 11}&stream=shelf:x`),
    );
    // Half of them go before their first event, half after it.
    await eventually(() => expect(batch.filter(({ events }) => events.length > 0).length).toBeGreaterThan(125));
    for (const client of batch) client.close();
    await Promise.all(batch.map(({ closed }) => closed));
  }
  await eventually(() => expect(router.stats()).toMatchObject({ connections: 0, queuedBytes: 0 }));
  await eventually(() => {
    timers.advance(15_000);
    expect([router.stats().streams, open.size, timers.size]).toEqual([0, 0, 0]);
  });
  const connections = () => new Promise<number>((resolve) => server.getConnections((_, count) => resolve(count)));
  await vi.waitFor(async () => expect(await connections()).toBe(0));
}, 60_000);
