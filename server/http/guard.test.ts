import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { afterEach, describe, expect, it } from 'vitest';
import { guard, type GuardOptions } from './guard.ts';
import { problemOf } from './problems.ts';

let server: Server | undefined;
afterEach(() => server?.close());

/** Sends one request through a guard, and gives the status. `PORT` in a header is the server's own. */
async function ask(
  options: GuardOptions,
  headers: Record<string, string> = {},
  method = 'POST',
  path = '/',
): Promise<number> {
  const app = express();
  app.use(guard(options));
  app.use((_request, response) => void response.status(200).end());
  app.use(((error, _request, response, next) => {
    if (response.headersSent) return next(error);
    response.status(problemOf(error).status).end();
  }) satisfies express.ErrorRequestHandler);
  server = createServer(app);
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const own = Object.entries({ Host: '127.0.0.1:PORT', ...headers }).map(([name, value]) => [
    name,
    value.replace('PORT', String(port)),
  ]);
  return new Promise((resolve, reject) => {
    const sent = request({
      host: '127.0.0.1',
      port,
      method,
      path,
      headers: Object.fromEntries(own) as Record<string, string>,
    });
    sent.once('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.once('error', reject);
    sent.end();
  });
}

describe('a server that runs alone', () => {
  const alone = {};

  it.each(['localhost:PORT', '127.0.0.1:PORT', '[::1]:PORT', 'LOCALHOST:PORT'])('answers to %s', async (Host) => {
    expect(await ask(alone, { Host }, 'GET')).toBe(200);
  });

  it.each([
    'evil.example',
    'evil.example:PORT',
    'localhost',
    'localhost:1',
    'localhost.evil.example:PORT',
    '127.0.0.1.nip.io:PORT',
    '@',
  ])('does not answer to the host "%s", which may be rebound to it', async (Host) => {
    expect(await ask(alone, { Host }, 'GET')).toBe(421);
  });

  it('answers to further hosts where it is told to', async () => {
    expect(await ask({ ...alone, allowedHosts: ['team.example'] }, { Host: 'team.example' })).toBe(200);
    expect(await ask({ ...alone, allowedHosts: ['*'] }, { Host: 'any.example' })).toBe(200);
  });
});

describe('any server', () => {
  const any = { allowedHosts: ['team.example'] };

  it('takes writes of its own pages, and of clients that are no browsers', async () => {
    expect(
      await ask(any, { Host: 'team.example', Origin: 'https://team.example', 'Sec-Fetch-Site': 'same-origin' }),
    ).toBe(200);
    expect(await ask(any)).toBe(200);
  });

  it.each(['https://evil.example', 'null', 'http://127.0.0.1', 'http://127.0.0.1:1'])(
    'refuses writes of pages of %s',
    async (Origin) => {
      expect(await ask(any, { Origin })).toBe(403);
      expect(await ask(any, { Origin }, 'DELETE')).toBe(403);
    },
  );

  it('refuses writes from other sites that hide their origin', async () => {
    expect(await ask(any, { 'Sec-Fetch-Site': 'cross-site' })).toBe(403);
  });

  it('refuses the API, but not its pages, to pages of other sites', async () => {
    const from = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'cors', 'Sec-Fetch-Dest': 'empty' };
    expect(await ask(any, from, 'GET', '/api/feeds')).toBe(403);
    expect(await ask(any, from, 'GET', '/API/feeds')).toBe(403);
    expect(await ask(any, from, 'GET', '/feed/a')).toBe(200);
    const followed = { ...from, 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' };
    expect(await ask(any, followed, 'GET', '/api/posts/1')).toBe(200);
    expect(await ask(any, followed, 'POST', '/api/posts')).toBe(403);
    for (const site of ['same-origin', 'same-site', 'none']) {
      expect(await ask(any, { 'Sec-Fetch-Site': site }, 'GET', '/api/feeds')).toBe(200);
    }
  });

  it('answers no host that it is not told of, but for those that probe it by an address', async () => {
    expect(await ask(any, { Host: 'evil.example' }, 'GET')).toBe(421);
    expect(await ask({}, { Host: '10.0.0.7:8080' }, 'GET', '/readyz')).toBe(200);
    expect(await ask({}, { Host: '[fd00::7]:8080' }, 'GET', '/metrics')).toBe(200);
    expect(await ask({}, { Host: '10.0.0.7:8080' }, 'GET', '/api/feeds')).toBe(421);
    expect(await ask({}, { Host: 'evil.example' }, 'GET', '/readyz')).toBe(421);
  });

  it('takes writes of pages of an origin that it is told of', async () => {
    const options = { ...any, allowedOrigins: ['https://other.example'] };
    expect(await ask(options, { Origin: 'https://other.example' })).toBe(200);
  });
});
