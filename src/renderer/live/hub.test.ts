import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Hub, type HubPort } from './hub.ts';
import type { LinkEnd } from './link.ts';
import { FakeSource } from './testing.ts';
import { WindowClient } from './window-client.ts';
import type { ToWindow } from './wire.ts';

/** States are numbers; a change replaces the number. */
type Seen = { version: number; state: unknown };

let sources: FakeSource[];
let hub: Hub;
let clients: WindowClient[];

const advance = (ms: number) => vi.advanceTimersByTime(ms);

const latest = () => sources.at(-1) as FakeSource;

function newHub(): Hub {
  return new Hub({
    url: '/live',
    fold: (_stream, _state, change) => change,
    openSource: (url) => {
      const source = new FakeSource(url);
      sources.push(source);
      return source;
    },
    explain: () => Promise.resolve(undefined),
  });
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
  sources = [];
  clients = [];
  hub = newHub();
});

afterEach(() => {
  for (const client of clients) client.close();
  hub.close();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** A window joined to the hub, as two ends of a port would; one that is dead says and hears nothing. */
function openWindow() {
  const inbox: ToWindow[] = [];
  const window = { isDead: false, renewed: 0 };
  let port: HubPort;
  const client = new WindowClient(({ receive }: LinkEnd) => {
    port = hub.attach((message) => {
      inbox.push(message);
      queue(() => !window.isDead && receive(message));
    });
    return {
      send: (message) => !window.isDead && port.receive(message),
      renew: () => void (window.renewed += 1),
      close: () => undefined,
    };
  });
  clients.push(client);
  return { client, inbox, window };
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
  advance(20);
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
  advance(2_000);
  expect(new Set(latest().streams)).toEqual(new Set(['a@4', 'feed:é@x']));
});

test('a server that began anew with lower versions is believed, once, on a new connection', () => {
  const { seen } = follow(openWindow().client, 'a');
  connect();
  latest().emit('snapshot', { stream: 'a', version: 900, state: 'before' });
  latest().emit('error');
  advance(2_000);
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
  advance(20_000);
  expect(follow(client, 'a').seen).toEqual([]);
  deliverMail();
  advance(60_000);
  expect(hub.size).toBe(1);
});

test('a window that left takes its streams with it, and the connection closes when none is left', () => {
  const { client } = openWindow();
  follow(client, 'a');
  connect();
  client.bye();
  advance(31_000);
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
  crashed.window.isDead = true;
  for (let minute = 0; minute < 6; minute++) {
    for (let beat = 0; beat < 4; beat++) {
      advance(15_000);
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
    client.close();
    hub.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('the second listener of a window keeps the stream', () => {
    const { client } = openWindow();
    const first = follow(client, 'a');
    const second = follow(client, 'a');
    connect();
    first.close();
    advance(35_000);
    latest().emit('snapshot', { stream: 'a', version: 1, state: 1 });
    deliverMail();
    expect([first.seen, second.seen]).toEqual([[], [{ version: 1, state: 1 }]]);
  });
});

describe('a window says Live', () => {
  const opened = new Map<FakeSource, number>();
  /** Time goes on: the server sends heartbeats every 15 s, while there is one, and the mail is delivered. */
  function pass(seconds: number, versions: Record<string, number> | null = { a: 1 }): void {
    for (let second = 0; second < seconds; second++) {
      advance(1_000);
      const source = latest();
      if (!opened.has(source)) opened.set(source, performance.now());
      const upMs = performance.now() - (opened.get(source) ?? 0);
      if (versions !== null && Math.round(performance.now() / 1_000) % 15 === 0) {
        source.emit('heartbeat', { at: '', everyMs: 15_000, upMs, ageMs: 0, versions });
      }
      deliverMail();
    }
  }
  function live() {
    const opened = openWindow();
    const followed = follow(opened.client, 'a');
    connect();
    latest().emit('snapshot', { stream: 'a', version: 1, state: 1 });
    deliverMail();
    expect(opened.client.status.kind).toBe('live');
    return { ...opened, ...followed };
  }

  test('as soon as it has what it follows, and as long as heartbeats prove that', () => {
    const { client, window } = live();
    const said = new Set<string>();
    client.onStatus(({ kind }) => said.add(kind));
    pass(300);
    expect(said).toEqual(new Set());
    expect(window.renewed).toBe(0);
  });

  test('no longer than 40 s after the server fell silent, on a connection that is kept alive by others', () => {
    const { client } = live();
    pass(30);
    for (let second = 0; second < 41; second++) {
      pass(1, null);
      latest().emit('change', { stream: 'b', from: 1, version: 2, change: 0 });
    }
    expect(client.status.kind).toBe('connecting');
  });

  test('no longer than 40 s after the hub fell silent, which is then left for another', () => {
    const { client, window } = live();
    pass(30);
    window.isDead = true;
    pass(16);
    expect(window.renewed).toBeGreaterThan(0);
    pass(25);
    expect(client.status.kind).toBe('connecting');
  });

  test('not while the hub knows of something that did not come here, and asks for it', () => {
    const { client, seen } = live();
    latest().emit('change', { stream: 'a', from: 1, version: 2, change: 2 });
    mail = [];
    expect(seen.at(-1)?.version).toBe(1);
    pass(6, { a: 2 });
    expect(seen.at(-1)).toEqual({ version: 2, state: 2 });
    expect(client.status.kind).toBe('live');
  });

  test('again after the server told the hub of something that was lost on the way to it', () => {
    const { client, seen } = live();
    pass(16, { a: 2 });
    expect(latest().streams).toEqual(['a@1']);
    expect(seen.at(-1)?.version).toBe(1);
    latest().emit('open');
    latest().emit('change', { stream: 'a', from: 1, version: 2, change: 2 });
    pass(16, { a: 2 });
    expect(seen.at(-1)).toEqual({ version: 2, state: 2 });
    expect(client.status.kind).toBe('live');
  });

  test.each([-3_600_000, -600_000, 600_000, 3_600_000])(
    'not across a jump of the clock by %d ms, until there is new proof',
    (ms) => {
      const { client, window } = live();
      pass(20);
      vi.setSystemTime(Date.now() + ms);
      client.check();
      deliverMail();
      expect(client.status.kind).toBe('connecting');
      latest().emit('open');
      deliverMail();
      expect(client.status.kind).toBe('live');
      pass(120);
      expect([client.status.kind, window.renewed]).toEqual(['live', 0]);
    },
  );

  test('after a pause of its own as soon as it is answered, and blames nobody', () => {
    const { client, window } = live();
    pass(20);
    // Frozen: nothing is run; its mail waits.
    const now = performance.now();
    const later = vi.spyOn(performance, 'now').mockReturnValue(now + 600_000);
    window.isDead = true;
    client.check();
    expect(client.status.kind).toBe('connecting');
    window.isDead = false;
    later.mockRestore();
    pass(20);
    expect([client.status.kind, window.renewed]).toEqual(['live', 0]);
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
    fc.record({ do: fc.constant('lose' as const), stream: fc.constantFrom('a', 'b') }),
    fc.record({ do: fc.constant('loseMail' as const) }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      sources = [];
      mail = [];
      const truth: Record<string, number> = { a: 1, b: 1 };
      const log: { source: FakeSource; type: string; data: object }[] = [];
      const say = (source: FakeSource, type: string, data: object) => {
        log.push({ source, type, data });
        source.emit(type, data);
      };
      hub = newHub();
      const opened = new Map<FakeSource, number>();
      const serve = () => {
        const source = sources.at(-1);
        if (source === undefined || opened.has(source) || source.closed) return;
        opened.set(source, performance.now());
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
          for (const source of opened.keys()) {
            if (!source.closed)
              say(source, 'change', { stream: step.stream, from: version - 1, version, change: version });
          }
        } else if (step.do === 'lose') truth[step.stream] = (truth[step.stream] ?? 0) + 1;
        else if (step.do === 'loseMail') mail = [];
        else if (step.do === 'drop') latest()?.emit('error');
        else if (step.do === 'repeat') for (const { source, type, data } of log.slice(-3)) source.emit(type, data);
        else if (step.do === 'mail') deliverMail();
        else if (step.do === 'wait') advance(5_000);
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
        advance(20);
        serve();
      }
      const beat = () => {
        for (const [source, at] of opened) {
          const versions = Object.fromEntries(
            source.streams.map((parameter) => [parameter.split('@')[0], truth[parameter.split('@')[0] ?? '']]),
          );
          source.emit('heartbeat', { at: '', everyMs: 15_000, upMs: performance.now() - at, ageMs: 0, versions });
        }
      };
      for (let second = 0; second < 60; second++) {
        if (second % 15 === 0) beat();
        advance(1_000);
        serve();
        deliverMail();
      }
      for (const { seen, stream, left, client } of windows) {
        const versions = seen.map(({ version }) => version);
        expect(versions).toEqual([...new Set(versions)].sort((x, y) => x - y));
        if (left) continue;
        expect(seen.at(-1)).toEqual({ version: truth[stream], state: truth[stream] });
        expect(client.status.kind).toBe('live');
      }
      for (const client of clients.splice(0)) client.close();
      hub.close();
    }),
    { numRuns: 300 },
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
    advance(20);
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
    advance(30_000);
    await recalled();
    deliverMail();
    expect(seen).toEqual([]);
  });
});
