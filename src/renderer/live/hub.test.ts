import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { Hub } from './hub.ts';
import { FakeSource, FakeTimers } from './testing.ts';
import { WindowClient } from './window-client.ts';
import type { ToWindow } from './wire.ts';

/** States are numbers; a change replaces the number. */
type Seen = { version: number; state: unknown };

let timers: FakeTimers;
let sources: FakeSource[];
let hub: Hub;

const latest = () => sources.at(-1) as FakeSource;

function newHub(silenceMs: number): Hub {
  return new Hub({
    url: '/live',
    fold: (_stream, _state, change) => change,
    openSource: (url) => {
      const source = new FakeSource(url);
      sources.push(source);
      return source;
    },
    explain: () => Promise.resolve(undefined),
    timers,
    silenceMs,
  });
}

beforeEach(() => {
  timers = new FakeTimers();
  sources = [];
  hub = newHub(37_500);
});

/** A window joined to the hub, as two ends of a port would. */
function openWindow() {
  const client: WindowClient = new WindowClient((message) => port.receive(message));
  const inbox: ToWindow[] = [];
  const port = hub.attach((message) => {
    inbox.push(message);
    queue(() => client.receive(message));
  });
  return { client, inbox };
}

// Port messages arrive later than they are sent, in order.
let mail: (() => void)[] = [];
const queue = (deliver: () => void) => mail.push(deliver);
function deliverMail(): void {
  while (mail.length > 0) mail.shift()?.();
}
beforeEach(() => {
  mail = [];
});

function follow(client: WindowClient, stream: string) {
  const seen: Seen[] = [];
  const problems: string[] = [];
  const close = client.open(stream, {
    snapshot: (version, state) => seen.push({ version, state }),
    change: (from, version, change) => {
      expect(from).toBe(seen.at(-1)?.version);
      seen.push({ version, state: change });
    },
    problem: (detail) => problems.push(detail),
  });
  return { seen, problems, close };
}

function connect(): void {
  timers.advance(20);
  latest().emit('open');
  deliverMail();
}

test('windows share one connection, and each stream is asked for once', () => {
  const windows = Array.from({ length: 25 }, (_, i) => {
    const { client } = openWindow();
    follow(client, 'feeds');
    return follow(client, `feed:${i}`);
  });
  connect();
  expect(windows).toHaveLength(25);
  expect(sources).toHaveLength(1);
  expect(latest().streams).toHaveLength(26);
});

test('an event goes only to windows that follow its stream', () => {
  const one = openWindow();
  const other = openWindow();
  follow(one.client, 'a');
  follow(other.client, 'b');
  connect();
  latest().emit('snapshot', { stream: 'a', version: 1, state: 1 });
  expect(other.inbox.some(({ type }) => type === 'snapshot')).toBe(false);
});

test('a window that comes later has the present state at once, without a new connection', () => {
  const first = follow(openWindow().client, 'a');
  connect();
  latest().emit('snapshot', { stream: 'a', version: 4, state: 'old' });
  latest().emit('change', { stream: 'a', from: 4, version: 5, change: 'new' });
  const second = follow(openWindow().client, 'a');
  deliverMail();
  expect(second.seen).toEqual([{ version: 5, state: 'new' }]);
  expect(first.seen).toHaveLength(2);
  expect(sources).toHaveLength(1);
});

test('duplicates and late events change nothing', () => {
  const { seen } = follow(openWindow().client, 'a');
  connect();
  latest().emit('snapshot', { stream: 'a', version: 4, state: 4 });
  latest().emit('change', { stream: 'a', from: 4, version: 5, change: 5 });
  latest().emit('change', { stream: 'a', from: 4, version: 5, change: 5 });
  latest().emit('change', { stream: 'a', from: 2, version: 3, change: 3 });
  latest().emit('snapshot', { stream: 'a', version: 3, state: 3 });
  deliverMail();
  expect(seen.map(({ version }) => version)).toEqual([4, 5]);
});

test('a gap asks for a snapshot on a new connection', () => {
  const { seen } = follow(openWindow().client, 'a');
  connect();
  latest().emit('snapshot', { stream: 'a', version: 4, state: 4 });
  latest().emit('change', { stream: 'a', from: 7, version: 8, change: 8 });
  connect();
  expect(latest().streams).toEqual(['a']);
  latest().emit('snapshot', { stream: 'a', version: 8, state: 8 });
  deliverMail();
  expect(seen.map(({ version }) => version)).toEqual([4, 8]);
});

test('a reconnect says which versions are known', () => {
  const { client } = openWindow();
  follow(client, 'a');
  follow(client, 'feed:é@x');
  connect();
  latest().emit('snapshot', { stream: 'a', version: 4, state: 4 });
  latest().emit('error');
  timers.advance(2_000);
  expect(new Set(latest().streams)).toEqual(new Set(['a@4', 'feed:é@x']));
});

test('a server that began anew with lower versions is believed, once, on a new connection', () => {
  const { seen } = follow(openWindow().client, 'a');
  connect();
  latest().emit('snapshot', { stream: 'a', version: 900, state: 'before' });
  latest().emit('error');
  timers.advance(2_000);
  latest().emit('open');
  latest().emit('snapshot', { stream: 'a', version: 3, state: 'anew' });
  latest().emit('snapshot', { stream: 'a', version: 2, state: 'late' });
  deliverMail();
  expect(seen.map(({ version }) => version)).toEqual([900, 3]);
});

test('a stream that nobody follows is kept for a while, then given back', () => {
  const { client } = openWindow();
  const { close } = follow(client, 'a');
  connect();
  latest().emit('snapshot', { stream: 'a', version: 1, state: 1 });
  close();
  timers.advance(20_000);
  expect(follow(client, 'a').seen).toEqual([]);
  deliverMail();
  timers.advance(60_000);
  expect(hub.size).toBe(1);
});

test('a window that left takes its streams with it, and the connection closes when none is left', () => {
  const { client } = openWindow();
  follow(client, 'a');
  connect();
  client.bye();
  timers.advance(31_000);
  expect(hub.size).toBe(0);
  expect(latest().closed).toBe(true);
});

test('a window that crashed is noticed by its silence; one that answers stays', () => {
  const crashed = openWindow();
  follow(crashed.client, 'a');
  const alive = openWindow();
  follow(alive.client, 'b');
  connect();
  mail = [];
  crashed.client.receive = () => undefined;
  for (let minute = 0; minute < 6; minute++) {
    for (let beat = 0; beat < 4; beat++) {
      timers.advance(15_000);
      latest().emit('heartbeat', { at: '' });
    }
    deliverMail();
  }
  expect(hub.size).toBe(1);
});

test('a window that thawed after it was given up is live again, and sees no state twice', () => {
  const { client } = openWindow();
  const { seen } = follow(client, 'a');
  connect();
  latest().emit('snapshot', { stream: 'a', version: 1, state: 1 });
  deliverMail();
  client.bye();
  client.check();
  latest().emit('change', { stream: 'a', from: 1, version: 2, change: 2 });
  deliverMail();
  expect(seen.map(({ version }) => version)).toEqual([1, 2]);
});

test('more streams than a connection carries: the newest stay, and the others are told what to do', () => {
  const { client } = openWindow();
  const all = Array.from({ length: 230 }, (_, i) => follow(client, `feed:${i}`));
  connect();
  expect(latest().streams).toHaveLength(200);
  expect(all.filter(({ problems }) => problems[0]?.includes('close some windows'))).toHaveLength(30);
});

describe('closing', () => {
  test('leaves no timer behind', () => {
    const { client } = openWindow();
    follow(client, 'a').close();
    connect();
    hub.close();
    expect(timers.pending).toBe(0);
  });

  test('the second listener of a window keeps the stream', () => {
    const { client } = openWindow();
    const first = follow(client, 'a');
    const second = follow(client, 'a');
    connect();
    first.close();
    timers.advance(60_000);
    latest().emit('snapshot', { stream: 'a', version: 1, state: 1 });
    deliverMail();
    expect([first.seen, second.seen]).toEqual([[], [{ version: 1, state: 1 }]]);
  });
});

/**
 * A server with two streams whose truth is a number, and a network that loses connections, duplicates events and
 * delays the windows' mail: in the end every window shows the truth, and its versions only ever grew.
 */
test('whatever the network does, every window ends at the truth, with versions that only grow', () => {
  const action = fc.oneof(
    fc.record({ do: fc.constant('write' as const), stream: fc.constantFrom('a', 'b') }),
    fc.record({ do: fc.constant('repeat' as const) }),
    fc.record({ do: fc.constant('mail' as const) }),
    fc.record({ do: fc.constant('wait' as const) }),
    fc.record({ do: fc.constant('window' as const), stream: fc.constantFrom('a', 'b') }),
    fc.record({ do: fc.constant('leave' as const), index: fc.nat(5) }),
    fc.record({ do: fc.constant('thaw' as const), index: fc.nat(5) }),
    fc.record({ do: fc.constant('drop' as const) }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      timers = new FakeTimers();
      sources = [];
      mail = [];
      const truth: Record<string, number> = { a: 1, b: 1 };
      const log: { source: FakeSource; type: string; data: object }[] = [];
      const say = (source: FakeSource, type: string, data: object) => {
        log.push({ source, type, data });
        source.emit(type, data);
      };
      hub = newHub(1e9);
      const opened = new Set<FakeSource>();
      const serve = () => {
        const source = sources.at(-1);
        if (source === undefined || opened.has(source) || source.closed) return;
        opened.add(source);
        source.emit('open');
        for (const parameter of source.streams) {
          const [stream = '', version] = parameter.split('@');
          const now = truth[stream] ?? 0;
          if (version === undefined) say(source, 'snapshot', { stream, version: now, state: now });
          else if (Number(version) < now)
            say(source, 'change', { stream, from: Number(version), version: now, change: now });
        }
      };
      const windows: (ReturnType<typeof follow> & { client: WindowClient; stream: string; left: boolean })[] = [];
      for (const step of actions) {
        if (step.do === 'write') {
          const version = (truth[step.stream] = (truth[step.stream] ?? 0) + 1);
          for (const source of opened) {
            if (!source.closed)
              say(source, 'change', { stream: step.stream, from: version - 1, version, change: version });
          }
        } else if (step.do === 'drop') latest()?.emit('error');
        else if (step.do === 'repeat') for (const { source, type, data } of log.slice(-3)) source.emit(type, data);
        else if (step.do === 'mail') deliverMail();
        else if (step.do === 'wait') timers.advance(5_000);
        else if (step.do === 'window') {
          const { client } = openWindow();
          windows.push({ ...follow(client, step.stream), client, stream: step.stream, left: false });
        } else {
          const window = windows[step.index];
          if (window === undefined || window.left) continue;
          if (step.do === 'thaw') window.client.check();
          else {
            window.close();
            window.left = true;
          }
        }
        timers.advance(20);
        serve();
      }
      for (let i = 0; i < 4; i++) {
        timers.advance(60_000);
        serve();
        deliverMail();
      }
      for (const { seen, stream, left } of windows) {
        const versions = seen.map(({ version }) => version);
        expect(versions).toEqual([...new Set(versions)].sort((x, y) => x - y));
        if (!left) expect(seen.at(-1)).toEqual({ version: truth[stream], state: truth[stream] });
      }
      hub.close();
    }),
    { numRuns: 500 },
  );
});

describe('with a memory', () => {
  const remembered = { version: 4, state: 'as it was' };
  let kept: Record<string, unknown>;

  function remember(recall: () => Promise<typeof remembered | undefined>): void {
    kept = {};
    hub = new Hub({
      url: '/live',
      fold: (_stream, _state, change) => change,
      openSource: (url) => {
        const source = new FakeSource(url);
        sources.push(source);
        return source;
      },
      explain: () => Promise.resolve(undefined),
      timers,
      silenceMs: 37_500,
      memory: { recall, keep: (stream, known) => void (kept[stream] = known) },
    });
  }
  const recalled = () => Promise.resolve().then(() => undefined);

  test('a window has what was last seen before there is a connection, and the server is asked for what came since', async () => {
    remember(() => Promise.resolve(remembered));
    const { seen } = follow(openWindow().client, 'a');
    await recalled();
    deliverMail();
    expect(seen).toEqual([remembered]);
    timers.advance(20);
    expect(latest().streams).toEqual(['a@4']);
    latest().emit('open');
    latest().emit('change', { stream: 'a', from: 4, version: 5, change: 'news' });
    deliverMail();
    expect(seen).toEqual([remembered, { version: 5, state: 'news' }]);
  });

  test('what the server says goes before what is remembered, also when the server began anew', async () => {
    remember(() => Promise.resolve(remembered));
    const { seen } = follow(openWindow().client, 'a');
    await recalled();
    connect();
    latest().emit('snapshot', { stream: 'a', version: 1, state: 'anew' });
    deliverMail();
    expect(seen.at(-1)).toEqual({ version: 1, state: 'anew' });
  });

  test('without anything remembered it is as without a memory', async () => {
    remember(() => Promise.resolve(undefined));
    const { seen } = follow(openWindow().client, 'a');
    await recalled();
    connect();
    expect(latest().streams).toEqual(['a']);
    latest().emit('snapshot', { stream: 'a', version: 7, state: 7 });
    deliverMail();
    expect(seen).toEqual([{ version: 7, state: 7 }]);
  });

  test('each new state is kept', async () => {
    remember(() => Promise.resolve(undefined));
    follow(openWindow().client, 'b');
    await recalled();
    connect();
    latest().emit('snapshot', { stream: 'b', version: 7, state: 7 });
    latest().emit('change', { stream: 'b', from: 7, version: 8, change: 8 });
    expect(kept).toEqual({ b: { version: 8, state: 8 } });
  });

  test('a window that leaves before the memory answers is not waited for', async () => {
    remember(() => Promise.resolve(remembered));
    const { seen, close } = follow(openWindow().client, 'a');
    close();
    timers.advance(30_000);
    await recalled();
    deliverMail();
    expect(seen).toEqual([]);
  });
});
