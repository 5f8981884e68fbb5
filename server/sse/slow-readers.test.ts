import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { CloseReason } from './metrics.ts';
import { EventClient, FakeTimers, startRig, type Rig } from './testing.ts';

const HEARTBEAT_MS = 15_000;
const STALL_MS = 30_000;
const LIMIT = 100_000;
const MIB = 1024 * 1024;

let timers: FakeTimers;
let reasons: CloseReason[];
let rig: Rig;
const clients: EventClient[] = [];

function connect(path: string): EventClient {
  const client = new EventClient(rig.port, path);
  clients.push(client);
  return client;
}

const eventually = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 2 });

/** Changes shelf a until the kernel's buffers and then the client's own are full. */
async function overwhelm(reader: EventClient): Promise<void> {
  for (let i = 0; i < 400; i++) {
    await rig.shelves.put('a', { book: `${i}`.padEnd(50_000, 'x') });
    await eventually(() => expect(reader.live().at(-1)?.version).toBe(rig.shelves.truth('a').version));
    reader.events.length = 0;
  }
}

beforeEach(async () => {
  timers = new FakeTimers();
  reasons = [];
  rig = await startRig({
    timers,
    heartbeatMs: HEARTBEAT_MS,
    stallMs: STALL_MS,
    rereadMs: 3_600_000,
    bufferLimitBytes: LIMIT,
    metrics: { closed: (reason) => reasons.push(reason) },
  });
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await eventually(() => expect(rig.router.stats().connections).toBe(0));
  await rig[Symbol.asyncDispose]();
});

test('a client that stops reading holds a bounded amount of memory, and nobody else up', async () => {
  const stuck = connect('/live?stream=shelf:a');
  const reader = connect('/live?stream=shelf:a');
  await eventually(() => expect(stuck.live().length + reader.live().length).toBe(2));
  stuck.pause();
  await overwhelm(reader);
  expect(rig.router.stats().queuedBytes).toBeGreaterThan(0);
  expect(rig.router.stats().queuedBytes).toBeLessThan(LIMIT + 60_000);
});

test('when it reads on, it is brought to the newest state instead of through all that it missed', async () => {
  const stuck = connect('/live?stream=shelf:a');
  const reader = connect('/live?stream=shelf:a');
  await eventually(() => expect(stuck.live().length + reader.live().length).toBe(2));
  stuck.pause();
  await overwhelm(reader);
  stuck.resume();
  await eventually(() => expect(stuck.live().at(-1)?.version).toBe(400));
  const versions = stuck.live().map(({ version }) => version);
  expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
  expect(versions.length).toBeLessThan(400);
  expect(rig.router.stats().queuedBytes).toBe(0);
});

test('a client that takes nothing for too long is dropped', async () => {
  const stuck = connect('/live?stream=shelf:a');
  const reader = connect('/live?stream=shelf:a');
  await eventually(() => expect(stuck.live().length + reader.live().length).toBe(2));
  stuck.pause();
  await overwhelm(reader);
  timers.advance(STALL_MS + HEARTBEAT_MS);
  await eventually(() => expect(reasons).toEqual(['slow']));
  expect(reader.isClosed).toBe(false);
});

test('a snapshot beyond the bound does not get a slow client dropped, as long as it takes some of it', async () => {
  await rig.shelves.put('a', { book: 'x'.repeat(24 * MIB) });
  const slow = connect('/live?stream=shelf:a');
  await eventually(() => expect(slow.body.length).toBeGreaterThan(0));
  let waits = 0;
  while (slow.events.length === 0) {
    slow.pause();
    // Between two looks it takes a little, so it is never silent for the whole of STALL_MS.
    timers.advance(STALL_MS * 0.75);
    waits += 1;
    const before = rig.router.stats().queuedBytes;
    slow.resume();
    await eventually(() => expect(slow.events.length > 0 || rig.router.stats().queuedBytes < before).toBe(true));
  }
  expect(slow.live()).toMatchObject([{ version: 1 }]);
  expect(waits).toBeGreaterThan(2);
  // It may be old by then, and be asked to come back.
  expect(reasons).not.toContain('slow');
});

test('what is large goes in pieces and arrives whole, other streams of the connection after it', async () => {
  await rig.shelves.put('a', { book: 'é'.repeat(MIB) });
  await rig.shelves.put('b', { book: 'small' });
  const client = connect('/live?stream=shelf:a&stream=shelf:b');
  await eventually(() => expect(client.live()).toHaveLength(2));
  expect(client.live().map(({ state }) => state?.book?.length)).toEqual([MIB, 5]);
});

test('changes during a large snapshot neither break nor overtake it', async () => {
  await rig.shelves.put('a', { book: 'x'.repeat(20 * MIB) });
  const client = connect('/live?stream=shelf:a&stream=shelf:b');
  await eventually(() => expect(client.status).toBe(200));
  client.pause();
  for (let i = 0; i < 20; i++) {
    await rig.shelves.put('a', { other: String(i) });
    await rig.shelves.put('b', { other: String(i) });
    await turn();
  }
  client.resume();
  await eventually(() =>
    expect(
      client
        .live()
        .filter(({ stream }) => stream === 'shelf:a')
        .at(-1)?.version,
    ).toBe(21),
  );
  await eventually(() =>
    expect(
      client
        .live()
        .filter(({ stream }) => stream === 'shelf:b')
        .at(-1)?.version,
    ).toBe(20),
  );
});

test('what was read meanwhile waits until a large event is out', async () => {
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  rig.shelves.onRead = (_kind, stream) => (stream === 'shelf:a' ? held : Promise.resolve());
  const client = connect('/live?stream=shelf:b&stream=shelf:a');
  await eventually(() => expect(client.live()).toHaveLength(1));
  client.pause();
  await rig.shelves.put('b', { book: 'x'.repeat(20 * MIB) });
  await eventually(() => expect(rig.router.stats().queuedBytes).toBeGreaterThan(MIB));
  release();
  await turn();
  client.resume();
  await eventually(() => expect(client.live()).toHaveLength(3));
  expect(client.live()[1]).toMatchObject({ stream: 'shelf:b', version: 1 });
  expect(client.live()[2]).toEqual({ stream: 'shelf:a', version: 0, state: {} });
});

test('many stuck connections of one client hold no more than one client may, and those who read are left alone', async () => {
  await rig[Symbol.asyncDispose]();
  const bounds = { bufferLimitBytes: LIMIT, maxQueuedBytesPerClient: 3 * LIMIT, clientOf: () => 'the same' };
  rig = await startRig({ timers, stallMs: 3_600_000, rereadMs: 3_600_000, ...bounds });
  const stuck = Array.from({ length: 8 }, () => connect('/live?stream=shelf:a'));
  const reader = connect('/live?stream=shelf:a');
  await eventually(() => expect([...stuck, reader].every((client) => client.live().length === 1)).toBe(true));
  for (const client of stuck) client.pause();
  await overwhelm(reader);
  expect(rig.router.stats().queuedBytes).toBeGreaterThan(3 * LIMIT);
  await timers.advance(1_000);
  await eventually(() => expect(rig.router.stats().queuedBytes).toBeLessThanOrEqual(3 * LIMIT));
  expect(rig.router.stats().connections).toBeGreaterThan(1);
  await rig.shelves.put('a', { book: 'still there' });
  await eventually(() => expect(reader.live().at(-1)?.version).toBe(rig.shelves.truth('a').version));
});
