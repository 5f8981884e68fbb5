import { once } from 'node:events';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ConnectionState, Profile } from '../../contract/shell.ts';
import { SECRET_COOKIE } from './guard.ts';
import { startGateway, type Gateway, type GatewayOptions } from './gateway.ts';

const SECRET = 's'.repeat(43);
const logger = pino({ level: 'silent' });
const closers: (() => Promise<unknown>)[] = [];
let rendererDir: string;

beforeEach(async () => {
  rendererDir = await mkdtemp(join(tmpdir(), 'tagwire-renderer-'));
  await mkdir(join(rendererDir, 'assets'));
  await writeFile(join(rendererDir, 'index.html'), '<!doctype html><base href="/" /><title>Tagwire</title>');
  await writeFile(join(rendererDir, 'assets', 'app-1234.js'), 'export {};');
  closers.push(() => rm(rendererDir, { recursive: true, force: true }));
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

describe('the gateway', () => {
  it('serves the renderer under each profile, with that as its base', async () => {
    const { ask } = await start({ profiles: [local(), remote('http://127.0.0.1:1/')] });
    expect((await ask('/p/local/feeds/golang')).body).toContain('<base href="/p/local/"');
    expect((await ask('/p/team/')).body).toContain('<base href="/p/team/"');
    expect((await ask('/p/team/assets/app-1234.js')).status).toBe(200);
  });

  it('allows no script but its own in the page', async () => {
    const { ask } = await start({});
    const { headers } = await ask('/p/local/');
    expect(headers['content-security-policy']).toMatch(/default-src 'none'.*script-src 'self'/);
    expect(headers['content-security-policy']).not.toContain('unsafe');
    expect(headers['x-content-type-options']).toBe('nosniff');
  });

  it('sends the window of a profile that is gone to the local one', async () => {
    const { ask } = await start({});
    expect(await ask('/p/gone/feeds/x')).toMatchObject({ status: 302, headers: { location: '/p/local/' } });
    expect((await ask('/p/gone/api/feeds')).status).toBe(404);
  });

  it('answers the local profile from the embedded server', async () => {
    const { ask } = await start({
      local: (request, response) => response.end(JSON.stringify({ url: request.url })),
    });
    expect((await ask('/p/local/api/feeds?q=go')).json).toEqual({ url: '/api/feeds?q=go' });
  });

  it('takes another port when the kept one is taken', async () => {
    const { gateway } = await start({});
    const second = await start({ port: gateway.port });
    expect(second.gateway.port).not.toBe(gateway.port);
  });

  it('keeps the port that it is given when it is free', async () => {
    const first = await start({});
    const { port } = first.gateway;
    await first.gateway.close(0);
    expect((await start({ port })).gateway.port).toBe(port);
  });
});

describe('the gateway is guarded:', () => {
  it('it listens on loopback only', async () => {
    const { gateway } = await start({});
    expect(gateway.origin).toBe(`http://127.0.0.1:${gateway.port}`);
    // 127.0.0.2 is the same machine, but not the address that we bound.
    await expect(raw(gateway.port, { host: '127.0.0.2' })).rejects.toThrow(/ECONNREFUSED/);
  });

  it.each(['/p/local/', '/p/local/api/feeds', '/p/local/assets/app-1234.js', '/p/team/api/feeds'])(
    'another local process, without the secret, is refused %s',
    async (path) => {
      const { gateway } = await start({ profiles: [local(), remote('http://127.0.0.1:1/')] });
      for (const cookie of [undefined, `${SECRET_COOKIE}=`, `${SECRET_COOKIE}=${'x'.repeat(43)}`, SECRET]) {
        expect((await raw(gateway.port, { path, headers: cookie ? { cookie } : {} })).status).toBe(403);
      }
    },
  );

  it.each(['evil.example', 'evil.example:80', '127.0.0.1:1', 'localhost.evil.example'])(
    'a rebinding host is refused: %s',
    async (host) => {
      const { gateway } = await start({});
      const cookie = `${SECRET_COOKIE}=${SECRET}`;
      expect((await raw(gateway.port, { path: '/p/local/api/feeds', headers: { host, cookie } })).status).toBe(403);
    },
  );

  it.each(['localhost', '[::1]', '[::ffff:127.0.0.1]', '127.1', '2130706433'])(
    'this computer by another name is another origin: %s',
    async (name) => {
      const { gateway, ask } = await start({});
      const host = `${name}:${gateway.port}`;
      expect((await ask('/p/local/api/feeds', { headers: { host } })).status).toBe(403);
    },
  );

  it.each(['http://evil.example', 'http://127.0.0.1:1', 'null'])(
    'a page of another origin may read and write nothing, even with the cookie: %s',
    async (origin) => {
      const { ask } = await start({});
      expect((await ask('/p/local/api/posts', { method: 'POST', headers: { origin } })).status).toBe(403);
      expect((await ask('/p/local/api/feeds', { headers: { origin } })).status).toBe(403);
    },
  );

  it.each(['cross-site', 'same-site'])('a page of another site may not even link here: %s', async (site) => {
    const { ask } = await start({});
    expect((await ask('/p/local/', { headers: { 'sec-fetch-site': site } })).status).toBe(403);
  });
});

describe('a remote profile', () => {
  it("is answered by its server, with the server's status and body", async () => {
    const server = await serve((request, response) => {
      response.writeHead(412, { 'content-type': 'application/problem+json', etag: '"7"' });
      response.end(JSON.stringify({ url: request.url, ifMatch: request.headers['if-match'] }));
    });
    const { ask } = await start({ profiles: [local(), remote(`${server.origin}/tagwire/`)] });
    const answer = await ask('/p/team/api/posts/1?x=%20', {
      method: 'PATCH',
      headers: { 'if-match': '"6"' },
      body: '{}',
    });
    expect(answer).toMatchObject({
      status: 412,
      headers: { etag: '"7"' },
      json: { url: '/tagwire/api/posts/1?x=%20', ifMatch: '"6"' },
    });
  });

  it('sends the body on, unchanged', async () => {
    const server = await serve(async (request, response) => {
      response.writeHead(201, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ body: await textOf(request), type: request.headers['content-type'] }));
    });
    const { ask } = await start({ profiles: [local(), remote(server.origin)] });
    const headers = { 'content-type': 'application/json', 'idempotency-key': 'k' };
    const { json } = await ask('/p/team/api/posts', { method: 'POST', headers, body: '{"content":"#été"}' });
    expect(json).toEqual({ body: '{"content":"#été"}', type: 'application/json' });
  });

  it('never gives the secret, the origin or the address of the gateway to the server', async () => {
    const seen = vi.fn();
    const server = await serve((request, response) => {
      seen(request.headers);
      response.writeHead(204).end();
    });
    const { ask, gateway } = await start({ profiles: [local(), remote(server.origin)] });
    const headers = { origin: gateway.origin, referer: `${gateway.origin}/p/team/`, 'x-forwarded-for': '1.2.3.4' };
    await ask('/p/team/api/posts/1', { method: 'DELETE', headers });
    const sent = seen.mock.calls.map(([all]) => all).find(({ origin }) => origin !== undefined);
    expect(sent).toMatchObject({ origin: server.origin, host: new URL(server.origin).host });
    expect(JSON.stringify(sent)).not.toContain(SECRET);
    expect(JSON.stringify(sent)).not.toContain(String(gateway.port));
    expect(Object.keys(sent)).not.toEqual(expect.arrayContaining(['x-forwarded-for']));
  });

  it('keeps the session in the gateway: the window sees no cookie, the server gets it back, others do not', async () => {
    const sent: (string | undefined)[] = [];
    const server = await serve((request, response) => {
      sent.push(request.headers.cookie);
      response.setHeader('set-cookie', ['sid=abc; HttpOnly; Path=/', 'evil=1; Domain=elsewhere.example']);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
    const other = await serve((request, response) => {
      sent.push(request.headers.cookie);
      response.writeHead(204).end();
    });
    const onSession = vi.fn();
    const profiles = [local(), remote(server.origin), { ...remote(other.origin), id: 'other' }];
    const { ask } = await start({ profiles, onSession });
    expect((await ask('/p/team/api/feeds')).headers).not.toHaveProperty('set-cookie');
    await ask('/p/team/api/feeds');
    await ask('/p/other/api/feeds');
    const bySender = sent.filter((cookie) => cookie !== undefined);
    expect(new Set(bySender)).toEqual(new Set(['sid=abc']));
    expect(sent.at(-1)).toBeUndefined();
    expect(onSession).toHaveBeenCalledWith('team', expect.stringContaining('abc'));
  });

  it('is signed in again after a restart, by the session that was kept', async () => {
    const seen = vi.fn();
    const server = await serve((request, response) => {
      seen(request.headers.cookie);
      response.writeHead(200, { 'content-type': 'application/json', 'set-cookie': 'sid=kept; Max-Age=3600' }).end('{}');
    });
    let kept = '';
    const first = await start({
      profiles: [local(), remote(server.origin)],
      onSession: (_id, cookies) => (kept = cookies),
    });
    await first.ask('/p/team/api/feeds');
    await first.gateway.close(0);
    seen.mockClear();
    const second = await start({ profiles: [local(), remote(server.origin)], sessions: { team: kept } });
    await second.ask('/p/team/api/feeds');
    expect(seen.mock.calls).not.toContainEqual([undefined]);
    expect(seen).toHaveBeenCalledWith('sid=kept');
  });

  it('lets nothing of the server run as a page of the app', async () => {
    const server = await serve((_request, response) => {
      response.writeHead(200, {
        'content-type': 'application/json',
        'content-security-policy': 'script-src *',
        'access-control-allow-origin': '*',
        'service-worker-allowed': '/',
        'clear-site-data': '"*"',
      });
      response.end('{}');
    });
    const { ask } = await start({ profiles: [local(), remote(server.origin)] });
    const { headers } = await ask('/p/team/api/feeds');
    expect(headers['content-security-policy']).toMatch(/^sandbox; default-src 'none'/);
    expect(headers['x-content-type-options']).toBe('nosniff');
    for (const name of ['access-control-allow-origin', 'service-worker-allowed', 'clear-site-data']) {
      expect(headers).not.toHaveProperty(name);
    }
  });

  it('refuses what is not the API’s answer, and says what may be the matter', async () => {
    const server = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<script>alert(1)</script>');
    });
    const { ask } = await start({ profiles: [local(), remote(server.origin)] });
    const answer = await ask('/p/team/api/feeds');
    expect(answer).toMatchObject({ status: 502, headers: { 'content-type': 'application/problem+json' } });
    expect(answer.json).toMatchObject({ detail: expect.stringMatching(/text\/html instead of Tagwire's data/) });
  });

  it("keeps the status of a load balancer's error page, but not the page", async () => {
    const server = await serve((_request, response) => {
      response.writeHead(503, { 'content-type': 'text/html' }).end('<h1>503</h1>');
    });
    const { ask } = await start({ profiles: [local(), remote(server.origin)] });
    expect(await ask('/p/team/api/feeds')).toMatchObject({ status: 503, json: { status: 503 } });
  });

  it('does not follow redirects', async () => {
    const elsewhere = await serve(() => expect.unreachable());
    const server = await serve((_request, response) => response.writeHead(307, { location: elsewhere.origin }).end());
    const { ask } = await start({ profiles: [local(), remote(server.origin)] });
    const { status, json } = await ask('/p/team/api/posts', { method: 'POST', body: '{}' });
    expect(status).toBe(502);
    expect(json).toMatchObject({ detail: expect.stringContaining(elsewhere.origin) });
  });

  it('cannot be led out of the API', async () => {
    const seen = vi.fn();
    const server = await serve((request, response) => {
      if (request.url !== '/base/api/about') seen(request.url);
      response.writeHead(204).end();
    });
    const { gateway } = await start({ profiles: [local(), remote(`${server.origin}/base/`)] });
    const cookie = `${SECRET_COOKIE}=${SECRET}`;
    for (const path of ['/../../admin', '/%2e%2e/admin', '/..%2f..%2fadmin', '//evil.example/x']) {
      await raw(gateway.port, { path: `/p/team/api${path}`, headers: { cookie } });
    }
    for (const [url] of seen.mock.calls) expect(url).toMatch(/^\/base\/api\//);
  });

  it('explains a server that cannot be reached', async () => {
    const { ask } = await start({ profiles: [local(), remote('http://127.0.0.1:1/')] });
    const answer = await ask('/p/team/api/feeds');
    expect(answer).toMatchObject({ status: 502, headers: { 'content-type': 'application/problem+json' } });
    expect(answer.json).toMatchObject({ detail: expect.stringMatching(/127\.0\.0\.1:1 refuses connections/) });
  });

  it('passes a stream on as it comes, without waiting for its end', async () => {
    let push: (text: string) => void = () => undefined;
    const server = await serve((request, response) => {
      if (!request.url?.startsWith('/api/live')) return void response.writeHead(204).end();
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      push = (text) => response.write(text);
      push('event: snapshot\ndata: 1\n\n');
    });
    const { stream } = await start({ profiles: [local(), remote(server.origin)] });
    const events = await stream('/p/team/api/live?stream=feeds');
    expect(await events.next()).toContain('data: 1');
    push('event: change\ndata: 2\n\n');
    expect(await events.next()).toContain('data: 2');
  });

  it('ends the stream on the server when the window goes', async () => {
    const closed = vi.fn();
    const server = await serve((request, response) => {
      if (!request.url?.startsWith('/api/live')) return void response.writeHead(204).end();
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': hello\n\n');
      response.once('close', closed);
    });
    const { stream } = await start({ profiles: [local(), remote(server.origin)] });
    const events = await stream('/p/team/api/live?stream=feeds');
    await events.next();
    events.leave();
    await vi.waitFor(() => expect(closed).toHaveBeenCalled());
  });

  it('ends the request to a server that has not answered yet when the window goes', async () => {
    const closed = vi.fn();
    const arrived = vi.fn();
    const server = await serve((request, response) => {
      if (request.url !== '/api/slow') return void response.writeHead(204).end();
      arrived();
      response.once('close', closed);
    });
    const { gateway } = await start({ profiles: [local(), remote(server.origin)] });
    const pending = httpRequest({
      host: '127.0.0.1',
      port: gateway.port,
      path: '/p/team/api/slow',
      headers: { cookie: `${SECRET_COOKIE}=${SECRET}` },
    }).on('error', () => undefined);
    pending.end();
    await vi.waitFor(() => expect(arrived).toHaveBeenCalled());
    pending.destroy();
    await vi.waitFor(() => expect(closed).toHaveBeenCalled());
  });

  it('makes no tunnel of an upgrade: nothing of it reaches the server', async () => {
    const seen = vi.fn();
    const server = await serve((request, response) => {
      if (request.url === '/api/socket') seen(request.headers);
      response.writeHead(204).end();
    });
    const { ask } = await start({ profiles: [local(), remote(server.origin)] });
    const headers = { connection: 'Upgrade, x-secret', upgrade: 'websocket', 'x-secret': '1', te: 'trailers' };
    expect((await ask('/p/team/api/socket', { headers })).status).toBe(204);
    const [[sent]] = seen.mock.calls as [[IncomingMessage['headers']]];
    for (const name of ['upgrade', 'x-secret', 'te']) expect(sent).not.toHaveProperty(name);
    expect(sent.connection).toBe('keep-alive');
  });

  it('holds a server back to the pace of a window that does not read, instead of keeping what it sends', async () => {
    const megabyte = Buffer.alloc(1024 * 1024, 32);
    let sent = 0;
    const server = await serve((request, response) => {
      if (request.url !== '/api/large') return void response.writeHead(204).end();
      response.writeHead(200, { 'content-type': 'application/json' });
      const send = () => {
        while (sent < 400 && response.write(megabyte)) sent++;
      };
      response.on('drain', () => {
        sent++;
        send();
      });
      send();
    });
    const { gateway } = await start({ profiles: [local(), remote(server.origin)] });
    const headers = { cookie: `${SECRET_COOKIE}=${SECRET}` };
    const reading = httpRequest({ host: '127.0.0.1', port: gateway.port, path: '/p/team/api/large', headers });
    reading.on('error', () => undefined).end();
    const [response] = (await once(reading, 'response')) as [IncomingMessage];
    response.on('error', () => undefined).pause();
    // Whoever is not held back has sent all of it long before the count stands still for so long.
    let [last, still] = [-1, 0];
    await vi.waitFor(
      () => {
        still = sent === last ? still + 1 : 0;
        last = sent;
        expect(still).toBeGreaterThan(20);
      },
      { timeout: 15_000, interval: 20 },
    );
    // What the system's own buffers of two connections take is far below this.
    expect(sent).toBeLessThan(100);
    reading.destroy();
  });

  it("cuts the window's stream when the server's breaks, so that the window connects anew", async () => {
    const server = await serve((request, response) => {
      if (!request.url?.startsWith('/api/live')) return void response.writeHead(204).end();
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': hello\n\n');
      setImmediate(() => response.destroy());
    });
    const { stream } = await start({ profiles: [local(), remote(server.origin)] });
    const events = await stream('/p/team/api/live?stream=feeds');
    await events.next();
    await expect(events.next()).rejects.toThrow();
  });
});

describe('what a remote server sends is bounded:', () => {
  const json = { 'content-type': 'application/json' };
  const stream = { 'content-type': 'text/event-stream' };
  /** A server that answers one path, and is there for all others. */
  const serving = (path: string, listener: RequestListener) =>
    serve((request, response) =>
      request.url?.startsWith(path) ? listener(request, response) : void response.writeHead(204).end(),
    );

  it.each(['/api/posts/%', '/api/posts/%ff', '%', '', '/api/posts/', 'http://[', `/${'x'.repeat(10_000)}`])(
    'the Location %j of a new post ends nothing',
    async (location) => {
      const server = await serve((_request, response) => response.writeHead(201, { ...json, location }).end('{}'));
      const { ask } = await start({ profiles: [local(), remote(server.origin)] });
      expect((await ask('/p/team/api/posts', { method: 'POST', body: '{}' })).status).toBe(201);
      expect((await ask('/p/local/')).status).toBe(200);
    },
  );

  it('a line of a stream that never ends is cut', async () => {
    let sent = 0;
    const server = await serving('/api/live', (_request, response) => {
      response.writeHead(200, stream).write('data: ');
      const more = Buffer.alloc(1024 * 1024, 'x');
      const pump = () => {
        while (!response.destroyed && sent < 200) {
          sent += 1;
          if (!response.write(more)) return void response.once('drain', pump);
        }
      };
      pump();
    });
    const { stream: open } = await start({ profiles: [local(), remote(server.origin)] });
    const events = await open('/p/team/api/live?stream=feeds');
    let taken = 0;
    await expect(
      (async () => {
        for (;;) taken += (await events.next()).length;
      })(),
    ).rejects.toThrow();
    expect(taken).toBeLessThan(12 * 1024 * 1024);
    expect(sent).toBeLessThan(200);
  });

  it('many events of a stream are not', async () => {
    const event = `data: ${'x'.repeat(1024 * 1024)}\r\n\r\n`;
    const server = await serving('/api/live', (_request, response) => {
      response.writeHead(200, stream).end(event.repeat(20));
    });
    const { ask } = await start({ profiles: [local(), remote(server.origin)] });
    expect((await ask('/p/team/api/live?stream=feeds')).body.length).toBe(20 * event.length);
  });

  it.each(['gzip', 'br', 'deflate'] as const)('a bomb packed with %s goes off nowhere', async (encoding) => {
    const pack = { gzip: gzipSync, br: brotliCompressSync, deflate: deflateSync }[encoding];
    const bomb = pack(Buffer.alloc(64 * 1024 * 1024));
    const server = await serving('/api/feeds', (_request, response) => {
      response.writeHead(200, { ...json, 'content-encoding': encoding }).end(bomb);
    });
    const { ask } = await start({ profiles: [local(), remote(server.origin)] });
    await expect(ask('/p/team/api/feeds')).rejects.toThrow();
  });

  it('a packed answer is unpacked', async () => {
    const server = await serving('/api/feeds', (_request, response) => {
      response.writeHead(200, { ...json, 'content-encoding': 'gzip' }).end(gzipSync('{"a":1}'));
    });
    const { ask } = await start({ profiles: [local(), remote(server.origin)] });
    const answer = await ask('/p/team/api/feeds');
    expect(answer.json).toEqual({ a: 1 });
    expect(answer.headers).not.toHaveProperty('content-encoding');
  });

  it.each<[string, Record<string, string>]>([
    ['another packing', { 'content-encoding': 'zstd' }],
    ['two packings', { 'content-encoding': 'gzip, gzip' }],
    ['a declared gigabyte', { 'content-length': '1000000000' }],
    ['headers without end', { 'x-long': 'x'.repeat(40_000) }],
  ])('%s is refused with a problem', async (_name, headers) => {
    const server = await serving('/api/feeds', (_request, response) => {
      response.writeHead(200, { ...json, ...headers }).write('{}');
    });
    const { ask } = await start({ profiles: [local(), remote(server.origin)] });
    expect(await ask('/p/team/api/feeds')).toMatchObject({ status: 502, json: { status: 502 } });
  });

  it('cookies without end are not kept', async () => {
    let count = 0;
    const server = await serve((_request, response) => {
      const cookies = Array.from({ length: 20 }, () => `c${count++}=1`);
      response
        .writeHead(200, { ...json, 'set-cookie': [...cookies, `long=${'x'.repeat(5_000)}`, 'odd=\xe4'] })
        .end('{}');
    });
    const onSession = vi.fn();
    const { ask } = await start({ profiles: [local(), remote(server.origin)], onSession });
    for (let n = 0; n < 10; n++) expect((await ask('/p/team/api/feeds')).status).toBe(200);
    for (const [, kept] of onSession.mock.calls) {
      expect(kept.length).toBeLessThan(50 * 300);
      expect(kept).not.toMatch(/long|odd/);
    }
  });

  it('only what windows send is sent on', async () => {
    const seen = vi.fn();
    const server = await serve((request, response) => {
      if (request.url !== '/api/about') seen(`${request.method} ${request.url}`);
      response.writeHead(204).end();
    });
    const { ask } = await start({ profiles: [local(), remote(server.origin)] });
    for (const method of ['TRACE', 'PUT', 'OPTIONS', 'SEARCH', 'LINK']) {
      expect((await ask('/p/team/api/feeds', { method })).json).toMatchObject({ status: 405 });
    }
    for (const path of [
      '/..%2fadmin',
      '/%2e%2e/admin',
      '/posts%5c..',
      '/posts/%00',
      '/a//b',
      '/posts/%',
      '/a%3fb',
      '/é',
    ]) {
      expect((await ask(`/p/team/api${path}`)).status).toBeGreaterThanOrEqual(400);
    }
    expect(seen).not.toHaveBeenCalled();
    for (const path of ['/posts/1', '/feeds/%E5%8F%91%E5%B8%83', '/search?q=a%2fb', '/live?stream=feed%3Aa']) {
      expect((await ask(`/p/team/api${path}`)).status).toBe(204);
    }
  });

  it('twenty thousand posts in one change, and feeds that nobody asked for, tell fifty', async () => {
    const many = Array.from({ length: 20_000 }, (_, n) => ({ ...post(`p${n}`), content: 'x' }));
    const local: RequestListener = (request, response) => {
      if (!request.url?.startsWith('/api/live')) return void response.writeHead(200).end('{}');
      response.writeHead(200, stream);
      const push = (event: string, data: unknown) =>
        response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
      push('snapshot', { stream: 'feed:go', version: 1, state: feed([post('old')]) });
      push('change', { stream: 'feed:other', from: 1, version: 2, change: { total: 1, put: [post('x')], remove: [] } });
      push('change', { stream: 'feed:go', from: 1, version: 2, change: { total: 1, put: many, remove: [] } });
    };
    const onArrived = vi.fn();
    await start({ local, onArrived, followed: { local: ['go'] } });
    await vi.waitFor(() => expect(onArrived).toHaveBeenCalled(), { timeout: 20_000 });
    expect(onArrived.mock.calls.map(([, name, posts]) => [name, posts.length])).toEqual([['go', 50]]);
  });
});

describe('the gateway watches', () => {
  it('whether the server of a profile is there, goes, and comes back', async () => {
    const states: ConnectionState['state'][] = [];
    const about: RequestListener = (_request, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    const server = await serve(about);
    const { port } = new URL(server.origin);
    await start({
      profiles: [remote(server.origin)],
      onConnection: (_id, state) => states.push(state.state),
      watch: { pollMs: 10, firstRetryMs: 10 },
    });
    await vi.waitFor(() => expect(states).toEqual(['connected']));
    await server.close();
    await vi.waitFor(() => expect(states.at(-1)).toBe('offline'));
    await serve(about, Number(port));
    await vi.waitFor(() => expect(states.at(-1)).toBe('connected'));
  });

  it('no sooner than the server asks for', async () => {
    const states: ConnectionState[] = [];
    const busy: RequestListener = (_request, response) => response.writeHead(503, { 'retry-after': '600' }).end();
    const server = await serve(busy);
    const begin = Date.now();
    await start({
      profiles: [remote(server.origin)],
      onConnection: (_id, state) => states.push(state),
      watch: { pollMs: 10, firstRetryMs: 10 },
    });
    await vi.waitFor(() => expect(states.at(-1)?.state).toBe('offline'));
    const [last] = states.slice(-1);
    expect(Date.parse(last?.state === 'offline' ? last.retryAt : '') - begin).toBeGreaterThanOrEqual(599_000);
  });

  it('what arrives in followed feeds: no old posts, no edits, none written here', async () => {
    let push: ((event: string, data: unknown) => void) | undefined;
    const local: RequestListener = (request, response) => {
      if (request.url === '/api/posts') {
        response.setHeader('location', '/api/posts/mine');
        response.statusCode = 201;
        return void response.end('{}');
      }
      if (!request.url?.startsWith('/api/live')) return void response.writeHead(200).end('{}');
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      push = (event, data) => response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
      push('snapshot', { stream: 'feed:go', version: 1, state: feed([post('old')]) });
    };
    const onArrived = vi.fn();
    const { ask } = await start({ local, onArrived, followed: { local: ['go'] } });
    await vi.waitFor(() => expect(push).toBeDefined());
    await ask('/p/local/api/posts', { method: 'POST', body: '{}' });
    const put = [post('old'), { ...post('edited'), version: 2 }, post('mine'), post('new')];
    push?.('change', { stream: 'feed:go', from: 1, version: 2, change: { total: 4, put, remove: [] } });
    await vi.waitFor(() => expect(onArrived).toHaveBeenCalledTimes(1), { timeout: 3000 });
    expect(onArrived.mock.calls[0]?.slice(0, 2)).toEqual(['local', 'go']);
    expect(onArrived.mock.calls[0]?.[2].map(({ id }: { id: string }) => id)).toEqual(['new']);
  });
});

const local = (): Profile => ({ kind: 'local', id: 'local', name: 'On this computer' });
const remote = (url: string): Profile => ({ kind: 'remote', id: 'team', name: 'Team', url });
const feed = (posts: unknown[]) => ({ name: 'go', total: posts.length, posts, next: null });
const post = (id: string) => ({
  id,
  version: 1,
  title: id,
  content: '#go',
  author: 'Ada',
  tags: ['go'],
  createdAt: '2026-01-01T00:00:00.000Z',
  editedAt: null,
});

type Answer = { status: number; headers: IncomingMessage['headers']; body: string; json: unknown };
type Ask = { path?: string; host?: string; method?: string; headers?: Record<string, string>; body?: string };

async function start(options: Partial<GatewayOptions>) {
  const gateway: Gateway = await startGateway({
    port: 0,
    secret: SECRET,
    profiles: [local()],
    followed: {},
    sessions: {},
    rendererDir,
    local: (_request, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('{}'),
    logger,
    onConnection: () => undefined,
    onArrived: () => undefined,
    onSession: () => undefined,
    ...options,
  });
  closers.push(() => gateway.close(0));
  const cookie = `${SECRET_COOKIE}=${SECRET}`;
  const ask = (path: string, { headers, ...rest }: Ask = {}) =>
    raw(gateway.port, { path, ...rest, headers: { cookie, ...headers } });
  const stream = async (path: string) => {
    const leaving = new AbortController();
    const response = await fetch(gateway.origin + path, { headers: { cookie }, signal: leaving.signal });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    return {
      next: async () => (await reader?.read())?.value ?? Promise.reject(new Error('the stream ended')),
      leave: () => leaving.abort(),
    };
  };
  return { gateway, ask, stream };
}

/** A request as any process can make it: fetch would not allow all of these headers. */
async function raw(port: number, { host = '127.0.0.1', body, ...options }: Ask): Promise<Answer> {
  const request = httpRequest({ host, port, ...options });
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const text = await textOf(response);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status: response.statusCode ?? 0, headers: response.headers, body: text, json };
}

async function textOf(stream: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) text += chunk;
  return text;
}

async function serve(listener: RequestListener, port = 0) {
  const server: Server = createServer(listener).listen(port, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  closers.push(close);
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}
