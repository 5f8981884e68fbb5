import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { StreamAdapter } from './stream-adapter.ts';
import { EventClient, message, startRig, type Rig } from './testing.ts';

const TOPIC = 'posts';

let rig: Rig;
let responses: number;
let validations: number;
let failure: Error | undefined;
const clients: EventClient[] = [];

/** In the original's way: `/post/<id>` concerns messages of that key; the response counts itself. */
const adapter: StreamAdapter = {
  getResponse: async (request) => {
    responses += 1;
    if (failure) throw failure;
    return { path: request.url, response: responses };
  },
  validate: (request, { key }) => {
    validations += 1;
    return request.url === `/post/${key}`;
  },
};

function connect(path: string): EventClient {
  const client = new EventClient(rig.port, path);
  clients.push(client);
  return client;
}

let published = 0;
const publish = (key: string) => rig.pubSub.publish(message(TOPIC, key, `m${(published += 1)}`));
const eventually = (check: () => void) => vi.waitFor(check, { timeout: 5_000, interval: 5 });

beforeEach(async () => {
  responses = validations = 0;
  failure = undefined;
  rig = await startRig({}, ({ router }) => router.addHandler(TOPIC, adapter));
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await rig[Symbol.asyncDispose]();
});

test('the response is JSON, or the first data event of a stream', async () => {
  expect(await (await fetch(`http://127.0.0.1:${rig.port}/post/1`)).json()).toEqual({ path: '/post/1', response: 1 });
  const client = connect('/post/1');
  await eventually(() =>
    expect(client.events).toEqual([{ event: 'data', data: '{"path":"/post/1","response":2}', lastEventId: '' }]),
  );
});

test('a message is validated for every client, and answered anew for each whom it concerns', async () => {
  const all = ['/post/1', '/post/1', '/post/2'].map(connect);
  await eventually(() => expect(all.every(({ events }) => events.length === 1)).toBe(true));
  await publish('1');
  await eventually(() => expect(all.map(({ events }) => events.length)).toEqual([2, 2, 1]));
  expect([validations, responses]).toEqual([3, 5]);
});

test('every message that concerns a client is a push of its own', async () => {
  const client = connect('/post/1');
  await eventually(() => expect(client.events).toHaveLength(1));
  for (let i = 0; i < 5; i++) await publish('1');
  await eventually(() => expect(client.events).toHaveLength(6));
});

test('what getResponse throws is an answer before the stream has begun, and ends it later', async () => {
  failure = Object.assign(new Error('gone'), { status: 404 });
  const refused = connect('/post/1');
  await eventually(() => expect(refused.status).toBe(404));
  failure = undefined;
  const client = connect('/post/1');
  await eventually(() => expect(client.events).toHaveLength(1));
  failure = new Error('no database');
  await publish('1');
  await client.closed;
  expect(rig.errors).toMatchObject([{ message: 'gone' }, { message: 'no database' }]);
  expect(rig.router.stats().connections).toBe(0);
});

test('a client that left is neither validated nor answered', async () => {
  const client = connect('/post/1');
  await eventually(() => expect(client.events).toHaveLength(1));
  client.close();
  await eventually(() => expect(rig.router.stats().connections).toBe(0));
  await publish('1');
  const next = connect('/post/1');
  await eventually(() => expect(next.events).toHaveLength(1));
  expect([validations, responses]).toEqual([0, 2]);
});
