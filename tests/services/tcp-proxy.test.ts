import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/** Waits for a condition, with a limit that a busy machine keeps too. */
const soon = (condition: () => void) => vi.waitFor(condition, 15_000);

describe('TCP proxy', { timeout: 20_000 }, () => {
  let echo: Server;
  let proxy: TcpProxy;
  let client: Socket;
  let received: string;
  let failure: string;

  const open = async () => {
    const socket = connect(proxy.port, '127.0.0.1');
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => (received += text));
    socket.on('error', (error: NodeJS.ErrnoException) => (failure = error.code ?? ''));
    await once(socket, 'connect');
    return socket;
  };

  beforeEach(async () => {
    received = '';
    failure = '';
    echo = createServer((socket) => socket.on('error', () => {}).pipe(socket));
    echo.listen(0, '127.0.0.1');
    await once(echo, 'listening');
    proxy = await startTcpProxy({ port: (echo.address() as AddressInfo).port });
    client = await open();
  });

  afterEach(async () => {
    client.destroy();
    await proxy.close();
    echo.close();
  });

  it('carries bytes both ways, 20 MB of them unchanged and in order', async () => {
    const megabyte = Array.from({ length: 1 << 16 }, (_, n) => n.toString(16).padStart(16, '0')).join('');
    for (let n = 0; n < 20; n++) client.write(megabyte);

    await soon(() => expect(received.length).toBe(20 * megabyte.length));
    expect(received === megabyte.repeat(20)).toBe(true);
  });

  it('passes on an orderly end', async () => {
    client.end('bye');
    await once(client, 'close');

    expect(received).toBe('bye');
    await soon(() => expect(proxy.connections).toBe(0));
  });

  it('resets connections when cut, and serves again after restore', async () => {
    proxy.cut();
    await soon(() => expect(client.closed).toBe(true));
    expect(failure).toBe('ECONNRESET');

    proxy.restore();
    client = await open();
    client.write('again');
    await soon(() => expect(received).toBe('again'));
  });

  it('refuses new connections while cut', async () => {
    proxy.cut();
    await open().catch(() => {}); // the reset may come before or after the client knows that it is connected

    await soon(() => expect(failure).toBe('ECONNRESET'));
  });

  it('holds bytes while paused, on a connection that stays open', async () => {
    proxy.pause();
    client.write('held');
    const second = await open();
    second.write('held');
    await roundTrips(echo, 50);
    expect({ received, connections: proxy.connections }).toEqual({ received: '', connections: 2 });

    proxy.restore();
    await soon(() => expect(received).toBe('heldheld'));
    second.destroy();
  });

  it('brings bytes late and in order while delayed', async () => {
    proxy.delay(60);
    const begin = performance.now();
    for (const letter of 'abcdef') client.write(letter);
    await soon(() => expect(received).toBe('abcdef'));

    // Two ways of 60 ms each: there and back.
    expect(performance.now() - begin).toBeGreaterThanOrEqual(119);
  });

  it('lets go of both sides when the client vanishes', async () => {
    client.resetAndDestroy();

    await soon(() => expect(proxy.connections).toBe(0));
  });
});

/** Time enough, counted in work of the same kind, for bytes that are not held to come back. */
async function roundTrips(echo: Server, count: number): Promise<void> {
  const socket = connect((echo.address() as AddressInfo).port, '127.0.0.1');
  for (let n = 0; n < count; n++) {
    socket.write('x');
    await once(socket, 'data');
  }
  socket.destroy();
}
