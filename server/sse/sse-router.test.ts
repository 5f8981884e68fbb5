import { connect as netConnect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { callHandler, EventClient, startRig, type Rig } from './testing.ts';

let rig: Rig;
const clients: EventClient[] = [];

function connect(path: string, headers: Record<string, string> = {}): EventClient {
  const client = new EventClient(rig.port, path, headers);
  clients.push(client);
  return client;
}

const json = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${rig.port}${path}`, init);
const eventually = (check: () => void) => vi.waitFor(check, { timeout: 5_000, interval: 5 });

beforeEach(async () => {
  rig = await startRig({ heartbeatMs: 3_600_000 });
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await rig[Symbol.asyncDispose]();
});

describe('one URL, JSON and stream', () => {
  test('JSON is the answer unless the client names text/event-stream', async () => {
    await rig.shelves.put('a', { book: 'text' });
    const response = await json('/a');
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(response.headers.get('vary')).toBe('Accept');
    expect(await response.json()).toEqual({ book: 'text' });
  });

  test('the ETag of the JSON is the version, and spares the body', async () => {
    await rig.shelves.put('a', { book: 'text' });
    const etag = (await json('/a')).headers.get('etag') ?? '';
    expect(etag).toBe('"1"');
    expect((await json('/a', { headers: { 'if-none-match': etag } })).status).toBe(304);
  });

  test('a stream begins with the whole state as a data event, whose id is the version', async () => {
    await rig.shelves.put('a', { book: 'text' });
    const client = connect('/a');
    await eventually(() => expect(client.events).toHaveLength(1));
    expect(client.events).toEqual([{ event: 'data', data: '{"book":"text"}', lastEventId: '1' }]);
    expect(client.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      vary: 'Accept',
    });
    expect(client.parser.retryMs).toBe(2_000);
  });

  test('each change is pushed as the whole state', async () => {
    const client = connect('/a');
    await eventually(() => expect(client.events).toHaveLength(1));
    await rig.shelves.put('a', { one: '1' });
    await eventually(() => expect(client.events).toHaveLength(2));
    await rig.shelves.put('a', { two: '2' });
    await eventually(() => expect(client.events).toHaveLength(3));
    expect(client.events.map(({ data }) => data)).toEqual(['{}', '{"one":"1"}', '{"one":"1","two":"2"}']);
  });

  test.each([
    ['the header', '/a', { 'last-event-id': '1' }],
    ['the query', '/a?lastEventId=1', {}],
  ])('a client that has the present version, by %s, gets nothing until the next change', async (_, path, headers) => {
    await rig.shelves.put('a', { one: '1' });
    const client = connect(path, headers as Record<string, string>);
    await eventually(() => expect(client.status).toBe(200));
    await rig.shelves.put('a', { two: '2' });
    await eventually(() => expect(client.events.length).toBeGreaterThan(0));
    expect(client.events.map(({ lastEventId }) => lastEventId)).toEqual(['2']);
  });

  test.each(['garbage', '-1', '1.5', '1e3', '99999999999999999999', '7'])(
    'a Last-Event-ID that is no version of the stream (%s) gets the state',
    async (id) => {
      await rig.shelves.put('a', { one: '1' });
      const client = connect('/a', { 'last-event-id': id });
      await eventually(() => expect(client.events.map(({ lastEventId }) => lastEventId)).toEqual(['1']));
    },
  );

  test('garbage in the query is a 400 that names the parameter', async () => {
    const response = await json('/a?lastEventId=x', { headers: { accept: 'text/event-stream' } });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ field: 'lastEventId' });
  });

  test('what streamOf throws is answered by the error handler', async () => {
    expect((await json('/nowhere')).status).toBe(404);
    expect((await json('/nowhere', { headers: { accept: 'text/event-stream' } })).status).toBe(404);
  });

  test('a read that fails before the stream has begun is answered by the error handler', async () => {
    rig.shelves.failure = Object.assign(new Error('no database'), { status: 503 });
    expect((await json('/a', { headers: { accept: 'text/event-stream' } })).status).toBe(503);
    expect(rig.router.stats().connections).toBe(0);
  });

  test('HEAD has the headers of either form and no body', async () => {
    const asJson = await json('/a', { method: 'HEAD' });
    expect([asJson.headers.get('content-type'), await asJson.text()]).toEqual(['application/json; charset=utf-8', '']);
    const asStream = await json('/a', { method: 'HEAD', headers: { accept: 'text/event-stream' } });
    expect([asStream.headers.get('content-type'), await asStream.text()]).toEqual([
      'text/event-stream; charset=utf-8',
      '',
    ]);
  });
});

describe('many streams on one connection', () => {
  test('each begins with a snapshot, then has changes', async () => {
    await rig.shelves.put('a', { one: '1' });
    const client = connect('/live?stream=shelf:a&stream=shelf:b');
    await eventually(() => expect(client.live()).toHaveLength(2));
    await rig.shelves.put('b', { two: '2' });
    await eventually(() => expect(client.live()).toHaveLength(3));
    expect(client.live()).toEqual([
      { stream: 'shelf:a', version: 1, state: { one: '1' } },
      { stream: 'shelf:b', version: 0, state: {} },
      { stream: 'shelf:b', from: 0, version: 1, change: { two: '2' } },
    ]);
  });

  test('a client that comes back gets the changes that it lacks', async () => {
    for (const n of ['1', '2', '3']) await rig.shelves.put('a', { [n]: n });
    const client = connect('/live?stream=shelf:a@1');
    await eventually(() => expect(client.live()).toHaveLength(1));
    expect(client.live()).toEqual([{ stream: 'shelf:a', from: 1, version: 3, change: { 2: '2', 3: '3' } }]);
  });

  test('a client that comes back too late gets a snapshot', async () => {
    rig.shelves.memory = 1;
    for (const n of ['1', '2', '3']) await rig.shelves.put('a', { [n]: n });
    const client = connect('/live?stream=shelf:a@1');
    await eventually(() => expect(client.live()).toHaveLength(1));
    expect(client.live()).toMatchObject([{ version: 3, state: { 1: '1', 2: '2', 3: '3' } }]);
  });

  test('a client that has everything gets nothing until something changes', async () => {
    await rig.shelves.put('a', { one: '1' });
    const client = connect('/live?stream=shelf:a@1');
    await eventually(() => expect(client.status).toBe(200));
    await rig.shelves.put('a', { two: '2' });
    await eventually(() => expect(client.live()).toHaveLength(1));
    expect(client.live()).toMatchObject([{ from: 1, version: 2 }]);
  });

  test('a version that the stream never had is answered with a snapshot', async () => {
    await rig.shelves.put('a', { one: '1' });
    const client = connect('/live?stream=shelf:a@1000');
    await eventually(() => expect(client.live()).toMatchObject([{ version: 1, state: { one: '1' } }]));
  });

  test('a stream that is named twice counts once, with the lower version', async () => {
    for (const n of ['1', '2', '3']) await rig.shelves.put('a', { [n]: n });
    const client = connect('/live?stream=shelf:a@3&stream=shelf:a@2&stream=shelf:a@3');
    await eventually(() => expect(client.live()).toHaveLength(1));
    await rig.shelves.put('a', { 4: '4' });
    await eventually(() => expect(client.live()).toHaveLength(2));
    expect(client.live()).toMatchObject([
      { from: 2, version: 3 },
      { from: 3, version: 4 },
    ]);
  });

  test.each([
    ['no stream at all', '/live'],
    ['an empty name', '/live?stream='],
    ['an unknown kind', '/live?stream=shelf:a&stream=cellar:b'],
    ['a version that is no number', '/live?stream=shelf:a@x'],
    ['no version after the @', '/live?stream=shelf:a@'],
    ['a negative version', '/live?stream=shelf:a@-1'],
    ['a version beyond all bounds', '/live?stream=shelf:a@9999999999999999'],
    ['more streams than fit', `/live?${Array.from({ length: 201 }, (_, i) => `stream=shelf:${i}`).join('&')}`],
  ])('%s is a 400 that names the parameter', async (_, path) => {
    const response = await json(path);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ field: 'stream' });
    expect(rig.router.stats()).toMatchObject({ connections: 0, streams: 0 });
  });

  test('every client of a stream gets the same bytes, read and serialised once', async () => {
    await rig.shelves.put('a', { one: '1' });
    const many = Array.from({ length: 50 }, () => connect('/live?stream=shelf:a'));
    await eventually(() => expect(many.every((client) => client.live().length === 1)).toBe(true));
    expect(rig.shelves.reads).toEqual({ snapshot: 1, changes: 0 });
    await rig.shelves.put('a', { two: '2' });
    await eventually(() => expect(many.every((client) => client.live().length === 2)).toBe(true));
    expect(rig.shelves.reads).toEqual({ snapshot: 1, changes: 1 });
    expect(new Set(many.map((client) => client.body)).size).toBe(1);
  });

  test('thousands who come back at once cost a read for each version that they have, and one for the snapshot', async () => {
    rig.shelves.memory = 4;
    for (let i = 1; i <= 6; i++) await rig.shelves.put('a', { [i]: 'x' });
    const live = rig.router.addMultiplexHandler([], [rig.shelves]);
    // Versions 1 (forgotten: they get the snapshot), 4, 5, 6, and none at all.
    const suffixes = ['@1', '@4', '@5', '@6', ''];
    const responses = Array.from({ length: 5_000 }, (_, i) =>
      callHandler(live, `/live?stream=shelf:a${suffixes[i % 5]}`),
    );
    await eventually(() => expect(responses.every(({ headersSent }) => headersSent)).toBe(true));
    expect(rig.shelves.reads).toEqual({ snapshot: 1, changes: 4 });
    expect(new Set(responses.map(({ text }) => text)).size).toBe(4);
    for (const response of responses) response.destroy();
  });

  test('a change between the subscription and the read is not lost', async () => {
    let first = true;
    rig.shelves.onRead = async () => {
      if (!first) return;
      first = false;
      await rig.shelves.put('a', { meanwhile: 'x' });
    };
    const client = connect('/live?stream=shelf:a');
    await eventually(() => expect(client.live().at(-1)?.version).toBe(1));
    expect(client.live()).toMatchObject([
      { version: 0, state: {} },
      { from: 0, version: 1, change: { meanwhile: 'x' } },
    ]);
  });
});

test('an HTTP/1.0 client gets the same events', async () => {
  await rig.shelves.put('a', { one: '1' });
  const socket = netConnect(rig.port, '127.0.0.1');
  let text = '';
  socket.setEncoding('utf8').on('data', (data: string) => (text += data));
  socket.write('GET /a HTTP/1.0\r\nAccept: text/event-stream\r\n\r\n');
  await eventually(() => expect(text).toContain('\r\n\r\nretry: 2000\n\nevent: data\nid: 1\ndata: {"one":"1"}\n\n'));
  socket.destroy();
});
