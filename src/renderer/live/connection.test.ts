import { beforeEach, describe, expect, test } from 'vitest';
import { Connection, type Refusal } from './connection.ts';
import type { LiveStatus } from './live-client.ts';
import { FakeSource, FakeTimers } from './testing.ts';
import type { ServerEvent } from './wire.ts';

const SILENCE_MS = 37_500;

let timers: FakeTimers;
let sources: FakeSource[];
let events: ServerEvent[];
let statuses: LiveStatus[];
let refusals: Refusal[];
let url: string | undefined;
let explain: () => Promise<Refusal | undefined>;
let connection: Connection;

const latest = () => sources.at(-1) as FakeSource;
const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

beforeEach(() => {
  timers = new FakeTimers();
  sources = [];
  events = [];
  statuses = [];
  refusals = [];
  url = '/live?stream=a';
  explain = () => Promise.resolve(undefined);
  connection = new Connection({
    url: () => url,
    openSource: (address) => {
      const source = new FakeSource(address);
      sources.push(source);
      return source;
    },
    explain: () => explain(),
    onEvent: (event) => events.push(event),
    onRefused: (refusal) => refusals.push(refusal),
    onStatus: (status) => statuses.push(status),
    timers,
    silenceMs: SILENCE_MS,
  });
  connection.reopen();
});

test('an open connection is live and hands on events', () => {
  latest().emit('open');
  latest().emit('snapshot', { stream: 'a', version: 1, state: {} });
  expect(connection.status).toEqual({ kind: 'live' });
  expect(events).toHaveLength(1);
});

test.each([['not json'], [{ stream: 'a' }], [{ version: 1 }], [{ stream: 'a', version: -1 }], ['null'], ['7']])(
  'a malformed event (%j) is passed over',
  (data) => {
    latest().emit('open');
    latest().emit('snapshot', data);
    expect(events).toEqual([]);
    expect(connection.status.kind).toBe('live');
  },
);

test('after an error a new EventSource is made, again and again, and it never gives up', () => {
  for (let i = 0; i < 200; i++) {
    latest().emit('error');
    expect(latest().closed).toBe(true);
    timers.advance(40_000);
  }
  expect(sources.length).toBeGreaterThan(200);
  latest().emit('open');
  expect(connection.status.kind).toBe('live');
});

test('the status says since when, and when the next try is', () => {
  latest().emit('open');
  const since = timers.now();
  latest().emit('error');
  expect(connection.status).toEqual({ kind: 'waiting', since, retryAt: since + 1_000 });
  timers.advance(1_000);
  latest().emit('error');
  expect(connection.status).toEqual({ kind: 'waiting', since, retryAt: since + 1_000 + 2_000 });
});

test('10 healthy seconds make earlier failures forgotten, and fewer do not', () => {
  latest().emit('error');
  timers.advance(1_000);
  latest().emit('error');
  timers.advance(2_000);
  latest().emit('open');
  timers.advance(9_000);
  latest().emit('error');
  expect(retryIn()).toBe(4_000);
  timers.advance(4_000);
  latest().emit('open');
  timers.advance(10_000);
  latest().emit('error');
  expect(retryIn()).toBe(1_000);
});

describe('silence', () => {
  test('longer than the limit is a dead connection', () => {
    latest().emit('open');
    timers.advance(SILENCE_MS * 1.2);
    expect(sources[0]?.closed).toBe(true);
    expect(connection.status.kind).not.toBe('live');
  });

  test('is broken by a heartbeat', () => {
    latest().emit('open');
    for (let i = 0; i < 20; i++) {
      timers.advance(15_000);
      latest().emit('heartbeat', { at: '' });
    }
    expect(sources).toHaveLength(1);
  });

  test('during a sleep of the machine is noticed at the first tick', () => {
    latest().emit('open');
    timers.sleep(3_600_000);
    timers.advance(SILENCE_MS / 6);
    expect(sources[0]?.closed).toBe(true);
  });

  test('is looked at at once when the window says that it woke up', () => {
    latest().emit('open');
    timers.sleep(3_600_000);
    connection.check();
    expect(sources[0]?.closed).toBe(true);
  });

  test('of a connection that never opens ends the try', () => {
    timers.advance(25_000);
    expect(sources[0]?.closed).toBe(true);
  });
});

test('a change of streams opens the new connection before the old one closes', () => {
  latest().emit('open');
  url = '/live?stream=a&stream=b';
  connection.reopen();
  expect(sources.map(({ closed }) => closed)).toEqual([false, false]);
  sources[0]?.emit('change', { stream: 'a', from: 1, version: 2, change: 0 });
  expect(events).toHaveLength(1);
  sources[1]?.emit('open');
  expect(sources.map(({ closed }) => closed)).toEqual([true, false]);
  expect(statuses).toEqual([{ kind: 'live' }]);
});

test('with nothing to follow it closes', () => {
  latest().emit('open');
  url = undefined;
  connection.reopen();
  expect(latest().closed).toBe(true);
  expect(timers.pending).toBe(0);
});

test('Retry-After is a floor, for a wake-up too', async () => {
  explain = () => Promise.resolve({ status: 503, retryAfterMs: 20_000 });
  latest().emit('error');
  await settled();
  expect(retryIn()).toBeGreaterThanOrEqual(20_000);
  connection.check();
  expect(sources).toHaveLength(1);
  connection.retryNow();
  expect(sources).toHaveLength(2);
});

test('streams that the server refuses are reported, and the rest opens at once', async () => {
  explain = () => Promise.resolve({ status: 400, refused: [{ stream: 'a', detail: 'no' }] });
  latest().emit('error');
  await settled();
  expect(refusals).toHaveLength(1);
  expect(sources).toHaveLength(2);
});

test('a closed connection leaves no timer behind', () => {
  latest().emit('open');
  latest().emit('error');
  connection.close();
  expect(timers.pending).toBe(0);
});

function retryIn(): number | undefined {
  return connection.status.kind === 'waiting' ? connection.status.retryAt - timers.now() : undefined;
}
