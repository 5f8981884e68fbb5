import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Connection, type Refusal } from './connection.ts';
import { FakeSource } from './testing.ts';
import type { Heartbeat, HubStatus, StateEvent } from './wire.ts';

const SILENCE_MS = 37_500;

let sources: FakeSource[];
let events: StateEvent[];
let heartbeats: Heartbeat[];
let hasAll: boolean;
let statuses: HubStatus['kind'][];
let refusals: Refusal[];
let url: string | undefined;
let explain: () => Promise<Refusal | undefined>;
let connection: Connection;

const latest = () => sources.at(-1) as FakeSource;
const settled = () => vi.advanceTimersByTimeAsync(0);
const advance = (ms: number) => vi.advanceTimersByTime(ms);

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
  sources = [];
  events = [];
  heartbeats = [];
  hasAll = true;
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
    onHeartbeat: (heartbeat) => {
      heartbeats.push(heartbeat);
      return hasAll;
    },
    onNews: () => statuses.push(connection.status.kind),
  });
  connection.reopen();
});

afterEach(() => {
  connection.close();
  vi.restoreAllMocks();
  vi.useRealTimers();
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
    advance(40_000);
  }
  expect(sources.length).toBeGreaterThan(200);
  latest().emit('open');
  expect(connection.status.kind).toBe('live');
});

test('the status says for how long, and when the next try is', () => {
  latest().emit('open');
  latest().emit('error');
  expect(connection.status).toEqual({ kind: 'waiting', downMs: 0, retryInMs: 1_000 });
  advance(1_000);
  expect(connection.status).toEqual({ kind: 'waiting', downMs: 1_000, retryInMs: undefined });
  latest().emit('error');
  expect(connection.status).toEqual({ kind: 'waiting', downMs: 1_000, retryInMs: 2_000 });
});

test('10 healthy seconds make earlier failures forgotten, and fewer do not', () => {
  latest().emit('error');
  advance(1_000);
  latest().emit('error');
  advance(2_000);
  latest().emit('open');
  advance(9_000);
  latest().emit('error');
  expect(retryIn()).toBe(4_000);
  advance(4_000);
  latest().emit('open');
  advance(10_000);
  latest().emit('error');
  expect(retryIn()).toBe(1_000);
});

describe('silence', () => {
  test('longer than the limit is a dead connection', () => {
    latest().emit('open');
    advance(SILENCE_MS * 1.2);
    expect(sources[0]?.closed).toBe(true);
    expect(connection.status.kind).not.toBe('live');
  });

  test('is broken by a heartbeat', () => {
    latest().emit('open');
    for (let i = 0; i < 20; i++) {
      advance(15_000);
      latest().emit('heartbeat', { at: '' });
    }
    expect(sources).toHaveLength(1);
  });

  test('is looked at at once when the window says that it woke up', () => {
    latest().emit('open');
    vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 3_600_000);
    vi.setSystemTime(Date.now() + 3_600_000);
    connection.check();
    expect(sources[0]?.closed).toBe(true);
  });

  test('of a new connection is not broken by events of the old one', () => {
    latest().emit('open');
    connection.reopen();
    for (let second = 0; second < 25; second++) {
      advance(1_000);
      sources[0]?.emit('heartbeat', { at: '' });
    }
    expect(sources[1]?.closed).toBe(true);
    expect(connection.status.kind).toBe('waiting');
  });

  test('is measured by the period that the server tells', () => {
    latest().emit('open');
    latest().emit('heartbeat', { at: '', everyMs: 2_000 });
    advance(4_900);
    expect(sources[0]?.closed).toBe(false);
    advance(1_000);
    expect(sources[0]?.closed).toBe(true);
  });

  test('of a connection that never opens ends the try', () => {
    advance(25_000);
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
  expect(new Set(statuses.slice(1))).toEqual(new Set(['live']));
});

test('with nothing to follow it closes', () => {
  latest().emit('open');
  url = undefined;
  connection.reopen();
  expect(latest().closed).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
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
  expect(vi.getTimerCount()).toBe(0);
});

describe('the proof', () => {
  const beat = (fields: object) => latest().emit('heartbeat', { at: '', everyMs: 15_000, versions: {}, ...fields });

  test('is not there before the connection is open, then grows old', () => {
    expect(connection.ageMs).toBeUndefined();
    latest().emit('open');
    advance(10_000);
    expect(connection.ageMs).toBe(10_000);
  });

  test('is new with a heartbeat, but for the time since the server looked', () => {
    latest().emit('open');
    advance(10_000);
    beat({ upMs: 10_000, ageMs: 3_000 });
    expect(connection.ageMs).toBe(3_000);
  });

  test('is as old as the heartbeat comes late, and what is late for a period is asked for anew', () => {
    latest().emit('open');
    advance(10_000);
    beat({ upMs: 10_000, ageMs: 0 });
    advance(26_000);
    beat({ upMs: 16_000, ageMs: 0 });
    expect(connection.ageMs).toBe(20_000);
    expect(sources).toHaveLength(2);
    latest().emit('open');
    expect(connection.ageMs).toBe(0);
  });

  test('is not renewed by a heartbeat that tells of something that is not here, nor by a connection after it', () => {
    latest().emit('open');
    advance(10_000);
    hasAll = false;
    beat({ upMs: 10_000, ageMs: 0 });
    expect(heartbeats).toHaveLength(1);
    expect(connection.ageMs).toBe(10_000);
    connection.reopen();
    latest().emit('open');
    expect(connection.ageMs).toBe(10_000);
    hasAll = true;
    beat({ upMs: 0, ageMs: 0 });
    expect(connection.ageMs).toBe(0);
  });

  test('is as good as the server can give it when that is an old one', () => {
    latest().emit('open');
    advance(10_000);
    latest().emit('heartbeat', { at: '2026-11-24T06:43:15.000Z' });
    expect(connection.ageMs).toBe(0);
  });

  test.each([-3_600_000, -600_000, 600_000, 3_600_000])('is void when the clock jumps by %d ms', (ms) => {
    latest().emit('open');
    vi.setSystemTime(Date.now() + ms);
    advance(SILENCE_MS / 6);
    expect(connection.ageMs).toBeUndefined();
    expect(sources.map(({ closed }) => closed)).toEqual([false, false]);
    latest().emit('open');
    expect(connection.ageMs).toBe(0);
    expect(connection.status.kind).toBe('live');
  });

  test.each([-3_600_000, 3_600_000])('a clock that jumped by %d ms does not change when silence is noticed', (ms) => {
    latest().emit('open');
    vi.setSystemTime(Date.now() + ms);
    advance(SILENCE_MS / 6);
    latest().emit('open');
    advance(SILENCE_MS * 1.2);
    expect(connection.status.kind).not.toBe('live');
  });
});

function retryIn(): number | undefined {
  return connection.status.kind === 'waiting' ? connection.status.retryInMs : undefined;
}
