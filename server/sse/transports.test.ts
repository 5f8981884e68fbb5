import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { connect, type AddressInfo, type Socket } from 'node:net';
import express from 'express';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { EventStreamParser, type ParsedEvent } from './parse.ts';
import type { SseHandler } from './sse-router.ts';
import { SHELF_TOPIC, startRig, type Rig } from './testing.ts';

/* The fast way writes to the bare socket. Here is what must go the other way, and that both say the same. */

let rig: Rig;
let live: SseHandler;
const cleanUp: (() => unknown)[] = [];
const eventually = (check: () => void) => vi.waitFor(check, { timeout: 5_000, interval: 5 });

beforeEach(async () => {
  rig = await startRig();
  live = rig.router.addMultiplexHandler(SHELF_TOPIC, [rig.shelves]);
});

afterEach(async () => {
  for (const undo of cleanUp.splice(0)) await undo();
  await rig[Symbol.asyncDispose]();
});

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

async function serve(listener: Listener): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  cleanUp.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A connection on which one writes HTTP by hand. */
function rawClient(port: number, requests: string): { text: () => string; socket: Socket } {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.setEncoding('utf8').on('data', (data: string) => (text += data));
  socket.on('error', () => undefined);
  socket.write(requests);
  cleanUp.push(() => socket.destroy());
  return { text: () => text, socket };
}

function eventsOf(text: string): ParsedEvent[] {
  const events: ParsedEvent[] = [];
  new EventStreamParser((event) => events.push(event)).feed(text.slice(text.lastIndexOf('\r\n\r\n') + 4));
  return events;
}

const LIVE = 'GET /live?stream=shelf:a HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n';

test('HTTP/1.1: no chunks, no length, the body ends with the connection', async () => {
  const client = rawClient(rig.port, LIVE);
  await eventually(() => expect(eventsOf(client.text())).toHaveLength(1));
  const head = client.text().slice(0, client.text().indexOf('\r\n\r\n')).toLowerCase();
  expect(head).toContain('connection: close');
  expect(head).not.toMatch(/transfer-encoding|content-length/);
});

test('express, with a middleware that wraps write and holds back until it is told to flush', async () => {
  const app = express();
  const held: (() => void)[] = [];
  app.use((_request, response, next) => {
    const write = response.write.bind(response);
    response.write = (chunk: unknown) => {
      held.push(() => write(chunk));
      return true;
    };
    Object.assign(response, {
      flush: () => {
        for (const release of held.splice(0)) release();
      },
    });
    next();
  });
  app.get('/live', live);
  const client = rawClient(await serve(app), LIVE);
  await eventually(() => expect(eventsOf(client.text())).toHaveLength(1));
  await rig.shelves.put('a', { one: '1' });
  await eventually(() => expect(eventsOf(client.text())).toHaveLength(2));
});

test('a stream that is asked for behind another request of the same connection waits for its turn', async () => {
  let answer: () => void = () => undefined;
  const port = await serve((request, response) => {
    if (request.url === '/slow') answer = () => response.end('slow');
    else live(request, response);
  });
  const client = rawClient(port, 'GET /slow HTTP/1.1\r\nHost: x\r\n\r\n' + LIVE);
  await eventually(() => expect(rig.router.stats().connections).toBe(1));
  await rig.shelves.put('a', { one: '1' });
  expect(client.text()).toBe('');
  answer();
  await eventually(() => expect(eventsOf(client.text()).map(({ event }) => event)).toEqual(['snapshot', 'change']));
  expect(client.text().indexOf('slow')).toBeLessThan(client.text().indexOf('text/event-stream'));
});

test('HTTP/2', async () => {
  const server = createHttp2Server((request, response) => {
    live(request as unknown as IncomingMessage, response as unknown as ServerResponse);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  cleanUp.push(
    () => session.destroy(),
    () => server.close(),
  );
  const stream = session.request({ ':path': '/live?stream=shelf:a', accept: 'text/event-stream' });
  const events: ParsedEvent[] = [];
  const parser = new EventStreamParser((event) => events.push(event));
  stream.setEncoding('utf8').on('data', (text: string) => parser.feed(text));
  await eventually(() => expect(events).toHaveLength(1));
  await rig.shelves.put('a', { one: '1' });
  await eventually(() => expect(events.map(({ event }) => event)).toEqual(['snapshot', 'change']));
  stream.close();
  await eventually(() => expect(rig.router.stats().connections).toBe(0));
});

test('a client that goes while it is written to is forgotten, and takes nobody with it', async () => {
  const others = rawClient(rig.port, LIVE);
  const going = Array.from({ length: 50 }, () => rawClient(rig.port, LIVE));
  await eventually(() => expect(going.every(({ text }) => eventsOf(text()).length === 1)).toBe(true));
  for (const { socket } of going) socket.resetAndDestroy();
  for (let i = 0; i < 50; i++) await rig.shelves.put('a', { book: String(i) });
  await eventually(() => expect(rig.router.stats().connections).toBe(1));
  await eventually(() => expect(others.text()).toContain('"version":50'));
  expect(rig.errors).toEqual([]);
});

test('a request whose client is gone before the handler runs leaves nothing', async () => {
  let handled = false;
  let leave: () => void = () => undefined;
  const port = await serve((request, response) => {
    response.once('close', () => {
      live(request, response);
      handled = true;
    });
    leave();
  });
  const { socket } = rawClient(port, LIVE);
  leave = () => socket.destroy();
  await eventually(() => expect(handled).toBe(true));
  expect(rig.router.stats().connections).toBe(0);
});

test('what cannot be parsed as a request to the router is an answer, not a crash', async () => {
  const port = await serve(live);
  for (const path of [
    '/live?stream=%',
    '/live?stream=%E0%A4%A',
    '/live?stream=shelf%3Aa%0Aevent:%20x@x',
    '/live?=&&&',
    '//',
  ]) {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    expect(response.status).toBe(400);
  }
});

test('a name with line breaks in it reaches nobody as a line', async () => {
  const client = rawClient(rig.port, LIVE.replace('shelf:a', 'shelf:a%0D%0Aid:%207%0D%0A%0D%0Adata:x'));
  await eventually(() => expect(client.text()).toContain('snapshot'));
  expect(eventsOf(client.text())).toMatchObject([{ event: 'snapshot', lastEventId: '' }]);
});
