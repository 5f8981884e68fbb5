import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Agent } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { PROTOCOL } from '../../contract/about.ts';
import { hasOpenssl, selfSigned } from '../../tests/services/self-signed.ts';
import { explainNetworkError } from './network-error.ts';
import { checkServer } from './profile-check.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

describe('a server that is to be added', () => {
  it('is taken when it says that it is Tagwire and speaks our protocol', async () => {
    const url = await serve(about({ name: 'tagwire', version: '9.8.7', protocol: PROTOCOL }));
    expect(await check(url)).toEqual({ kind: 'ok', url: `${url}/`, version: '9.8.7' });
  });

  it('may be under a path, and may be named without a scheme', async () => {
    const url = await serve((request, response) => {
      response.writeHead(request.url === '/team/api/about' ? 200 : 404);
      response.end(JSON.stringify({ name: 'tagwire', version: '1.0.0', protocol: PROTOCOL }));
    });
    const address = `${url.replace('http://', '')}/team`;
    expect(await check(address)).toMatchObject({ kind: 'ok', url: `${url}/team/` });
  });

  it.each<[string, RequestListener]>([
    ['another web site', (_request, response) => response.end('<h1>Welcome</h1>')],
    ['another API', about({ name: 'grafana', version: '1', protocol: 1 })],
    ['nothing there', (_request, response) => response.writeHead(404).end()],
    ['a page without end', (_request, response) => response.end('x'.repeat(1_000_000))],
  ])('is refused when it is %s', async (_what, listener) => {
    expect(await check(await serve(listener))).toMatchObject({ kind: 'refused', reason: 'not-tagwire' });
  });

  it('is refused when it sends us elsewhere, and that is named', async () => {
    const url = await serve((_request, response) =>
      response.writeHead(301, { location: 'https://new.example/x' }).end(),
    );
    const result = await check(url);
    expect(result).toMatchObject({ kind: 'refused', detail: expect.stringContaining('https://new.example') });
  });

  it.each([
    [PROTOCOL + 1, /Update this app/],
    [PROTOCOL - 1 || 99, PROTOCOL > 1 ? /update it/ : /Update this app/],
  ])(
    'is refused when it speaks version %i of the protocol, and it is said who must update',
    async (protocol, advice) => {
      const url = await serve(about({ name: 'tagwire', version: '2.0.0', protocol }));
      expect(await check(url)).toMatchObject({
        kind: 'refused',
        reason: 'version',
        detail: expect.stringMatching(advice),
      });
    },
  );

  it.each(['', '   ', 'ftp://example.org', 'https://ada:secret@example.org', 'http://', 'two words'])(
    'is refused when %j is no address of one',
    async (address) => expect(await check(address)).toMatchObject({ kind: 'refused', reason: 'address' }),
  );

  it('is refused when nothing answers there', async () => {
    expect(await check('http://127.0.0.1:1')).toMatchObject({
      kind: 'refused',
      reason: 'unreachable',
      detail: expect.stringContaining('refuses connections'),
    });
  });

  it('brings a warning when the connection to it is not encrypted', async () => {
    // A name that means this computer, but is not known to.
    const url = await serve(about({ name: 'tagwire', version: '1.0.0', protocol: PROTOCOL }));
    const agent = new Agent({
      connect: { lookup: (_host, _options, done) => done(null, [{ address: '127.0.0.1', family: 4 }]) },
    });
    closers.push(() => agent.destroy());
    const result = await checkServer(url.replace('127.0.0.1', 'team.example'), { dispatcher: agent });
    expect(result).toMatchObject({ kind: 'ok', warning: expect.stringContaining('not encrypted') });
  });

  it.skipIf(!hasOpenssl)('is refused when nobody vouches for its certificate, and nothing is sent to it', async () => {
    let asked = false;
    const server = createHttpsServer(selfSigned(), () => (asked = true)).listen(0, '127.0.0.1');
    await listening(server);
    const result = await check(`https://127.0.0.1:${(server.address() as AddressInfo).port}`);
    expect(result).toMatchObject({
      kind: 'refused',
      reason: 'certificate',
      detail: expect.stringMatching(/signed by nobody/),
    });
    expect(asked).toBe(false);
  });
});

describe('a network error', () => {
  it.each([
    ['CERT_HAS_EXPIRED', 'certificate', 502, /has expired/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificate', 502, /belongs to another name/],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'certificate', 502, /authority/],
    ['ENOTFOUND', 'unreachable', 502, /no such name/],
    ['UND_ERR_CONNECT_TIMEOUT', 'unreachable', 504, /did not answer in time/],
    ['EWEIRD', 'unreachable', 502, /cannot be reached. \(EWEIRD\)/],
  ] as const)('%s is explained', (code, reason, status, text) => {
    const error = new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code }) });
    const found = explainNetworkError(error, 'team.example');
    expect(found).toMatchObject({ reason, status, detail: expect.stringMatching(text) });
    expect(found.detail).toContain('team.example');
  });

  it('of several tries at once is explained by one of them', () => {
    const each = (address: string) => Object.assign(new Error(address), { code: 'ECONNREFUSED' });
    const error = new AggregateError([each('::1'), each('127.0.0.1')], '');
    expect(explainNetworkError(error, 'localhost').detail).toContain('refuses connections');
  });
});

function about(body: object): RequestListener {
  return (_request, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function check(address: string) {
  const agent = new Agent();
  closers.push(() => agent.destroy());
  return checkServer(address, { dispatcher: agent });
}

async function serve(listener: RequestListener): Promise<string> {
  const server = createHttpServer(listener).listen(0, '127.0.0.1');
  await listening(server);
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function listening(server: Pick<Server, 'closeAllConnections' | 'close' | 'once'>): Promise<void> {
  closers.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  await once(server as Server, 'listening');
}
