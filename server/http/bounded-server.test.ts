import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { createBoundedServer, DEFAULT_BOUNDS, type ServerBounds } from './bounded-server.ts';

const undo: (() => void)[] = [];
afterEach(() => undo.splice(0).forEach((close) => close()));

async function serve(
  bounds: Partial<ServerBounds>,
  answer: RequestListener = (_request, response) => response.end('ok'),
) {
  const lines: string[] = [];
  const logger = pino({}, { write: (line: string) => void lines.push(line) });
  const server = createBoundedServer(answer, { logger, bounds: { ...DEFAULT_BOUNDS, ...bounds } });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  undo.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const open = (text = ''): Socket => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
    undo.push(() => socket.destroy());
    socket.write(text);
    return socket;
  };
  return { open, lines };
}

/** All that comes until the server closes the connection. */
async function heard(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk) => (text += String(chunk)));
  await new Promise((resolve) => socket.once('close', resolve));
  return text;
}

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

describe('a connection is ended', () => {
  it.each([
    ['that sends nothing', ''],
    ['whose head never ends', 'GET / HTTP/1.1\r\nHost: a\r\n'],
    ['whose body never ends', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc'],
  ])('%s, with a problem', async (_name, text) => {
    const { open } = await serve({ headMs: 200, requestMs: 400 }, (request, response) => {
      request.resume().once('end', () => response.end());
    });
    expect(await heard(open(text))).toMatch(/^HTTP\/1\.1 408 .*problem\+json.*request-timeout/s);
  });

  it('of a client that does not take its answer', async () => {
    const { open, lines } = await serve({ answerMs: 300 }, (_request, response) => {
      response.end(Buffer.alloc(64 * 1024 * 1024));
    });
    const socket = open(GET).pause();
    await expect.poll(() => lines.join(''), { timeout: 10_000 }).toContain('"reason":"slow"');
    await once(socket.resume(), 'close');
  });

  it('of those who hold the most, where too much waits in all', async () => {
    const { open, lines } = await serve({ queuedBytes: 100 * 1024 * 1024 }, (_request, response) => {
      response.end(Buffer.alloc(64 * 1024 * 1024));
    });
    for (let n = 0; n < 3; n++) open(GET).pause();
    await expect.poll(() => lines.join(''), { timeout: 10_000 }).toContain('"reason":"full"');
  });
});

describe('connections', () => {
  it('beyond the maximum are closed, with one line in the log', async () => {
    const { open, lines } = await serve({ connections: 2 });
    const kept = [open(GET), open(GET)];
    await Promise.all(kept.map((socket) => once(socket, 'data')));
    await Promise.all([heard(open(GET)), heard(open(GET))]);
    expect(lines.filter((line) => line.includes('as many connections'))).toHaveLength(1);
  });

  it('of one client beyond its own are refused with a problem, but not those of a proxy', async () => {
    const { open } = await serve({ connectionsPerClient: 1 });
    await once(open(GET), 'data');
    expect(await heard(open(GET))).toMatch(/^HTTP\/1\.1 429 .*You have 1 connections/s);
    const behind = await serve({ connectionsPerClient: 1, isProxy: () => true });
    await Promise.all([once(behind.open(GET), 'data'), once(behind.open(GET), 'data')]);
  });
});
