import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmbedded } from './api.ts';
import { askRaw, open, sendRaw } from './raw.ts';

let api: Awaited<ReturnType<typeof startEmbedded>>;
let host: string;

beforeAll(async () => {
  api = await startEmbedded();
  ({ host } = new URL(api.url));
});
afterAll(() => api[Symbol.asyncDispose]());

const lines = (...all: string[]) => `${all.join('\r\n')}\r\n\r\n`;
const post = (...headers: string[]) => lines('POST /api/posts HTTP/1.1', ...headers);
const own = () => `Host: ${host}`;

/** What is sent, the status, and the field that the problem names. */
const REFUSED: [string, () => string, number, string][] = [
  ['no Host', () => lines('GET /api/feeds HTTP/1.1'), 400, 'Host'],
  ['two Hosts', () => lines('GET /api/feeds HTTP/1.1', own(), 'Host: evil.example'), 400, 'Host'],
  ['two Hosts that are the same', () => lines('GET /api/feeds HTTP/1.1', own(), own()), 400, 'Host'],
  ['a foreign Host', () => lines('GET /api/feeds HTTP/1.1', 'Host: evil.example'), 421, 'Host'],
  ['an empty Host', () => lines('GET /api/feeds HTTP/1.1', 'Host:'), 421, 'Host'],
  ['a Host with a user', () => lines('GET /api/feeds HTTP/1.1', `Host: a@${host}`), 421, 'Host'],
  ['a foreign absolute form', () => lines('GET http://evil.example/api/feeds HTTP/1.1', own()), 421, 'Host'],
  ['a foreign absolute form to health', () => lines('GET http://evil.example/healthz HTTP/1.1', own()), 421, 'Host'],
  ['an absolute form of another scheme', () => lines('GET ftp://evil.example/ HTTP/1.1', own()), 400, 'path'],
  ['no Host in HTTP/1.0', () => lines('GET /api/feeds HTTP/1.0'), 421, 'Host'],
  ['gzip, chunked', () => post(own(), 'Transfer-Encoding: gzip, chunked') + '0\r\n\r\n', 501, 'Transfer-Encoding'],
  [
    'chunked twice',
    () => post(own(), 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked') + '0\r\n\r\n',
    400,
    'request',
  ],
  ['a declared gigabyte', () => post(own(), 'Content-Length: 1000000000'), 413, 'body'],
  [
    'a declared gigabyte that waits to be asked for',
    () => post(own(), 'Content-Length: 1000000000', 'Expect: 100-continue'),
    413,
    'body',
  ],
  [
    'a declared gigabyte where no body is read',
    () => lines('POST /api/generate/post HTTP/1.1', own(), 'Content-Length: 1000000000'),
    413,
    'body',
  ],
  ['another expectation', () => post(own(), 'Expect: a-wonder', 'Content-Length: 2') + '{}', 417, 'Expect'],
  ['a request that is none', () => lines('nonsense'), 400, 'request'],
  ['a header that is none', () => lines('GET / HTTP/1.1', own(), 'a header'), 400, 'request'],
  ['a long head', () => lines('GET / HTTP/1.1', own(), `Cookie: ${'x'.repeat(200_000)}`), 431, 'headers'],
  ['a chunk of no size', () => post(own(), 'Transfer-Encoding: chunked') + 'zz\r\n', 400, 'request'],
  ['two lengths', () => post(own(), 'Content-Length: 2', 'Content-Length: 3') + '{}', 400, 'request'],
  ['CONNECT', () => lines('CONNECT evil.example:443 HTTP/1.1', own()), 405, 'method'],
];

describe('a request of bad form is refused with a problem', () => {
  it.each(REFUSED)('%s', async (_name, request, status, field) => {
    const answer = await askRaw(api.url, request());
    expect(answer.problem()).toMatchObject({ status, errors: [{ field }] });
    expect(answer.status).toBe(status);
  });

  it('in the same form where the address is absolute, and our own', async () => {
    const answer = await askRaw(api.url, lines(`GET http://${host}/api/about HTTP/1.1`, 'Host: evil.example'));
    expect(answer.status).toBe(200);
    const created = await askRaw(
      api.url,
      lines(`POST http://${host}/api/generate/post HTTP/1.1`, own(), 'Content-Length: 0'),
    );
    expect(created.headers['location']).toMatch(/^\/api\/posts\//);
  });
});

describe('a body that is too large', () => {
  it('is not asked for', async () => {
    const text = await sendRaw(api.url, post(own(), 'Content-Length: 1000000000', 'Expect: 100-continue'));
    expect(text).not.toContain('100 Continue');
  });

  it('is asked for where it is not too large', async () => {
    const socket = open(api.url);
    const got = new Promise<string>((resolve) => socket.once('data', (chunk) => resolve(String(chunk))));
    socket.write(
      post(own(), 'Content-Type: application/json', 'Content-Length: 2', 'Expect: 100-continue', 'Connection: close'),
    );
    expect(await got).toMatch(/^HTTP\/1\.1 100 Continue/);
    const answer = new Promise<string>((resolve) => socket.once('data', (chunk) => resolve(String(chunk))));
    socket.write('{}');
    expect(await answer).toMatch(/^HTTP\/1\.1 400/);
    socket.destroy();
  });

  it.each([
    ['of a declared length', () => post(own(), 'Content-Type: application/json', 'Content-Length: 60000000')],
    ['in chunks', () => post(own(), 'Content-Type: application/json', 'Transfer-Encoding: chunked')],
    [
      'in chunks where no body is read',
      () => lines('POST /api/generate/post HTTP/1.1', own(), 'Transfer-Encoding: chunked'),
    ],
  ])(
    'is not read to its end: %s',
    async (_name, head) => {
      const socket = open(api.url);
      let answer = '';
      socket.on('data', (chunk) => (answer += String(chunk)));
      socket.write(head());
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      const chunk = `${(65_536).toString(16)}\r\n${'x'.repeat(65_536)}\r\n`;
      let sent = 0;
      const pump = () => {
        // 4 GB would take far longer than the server lets it go on.
        while (!socket.destroyed && sent < 4_000_000_000) {
          sent += chunk.length;
          if (!socket.write(chunk)) return void socket.once('drain', () => setTimeout(pump, 1));
        }
      };
      pump();
      await closed;
      expect(answer).toMatch(/^HTTP\/1\.1 (413|201)/);
      expect(sent).toBeLessThan(4_000_000_000);
    },
    60_000,
  );
});

describe('requests that are sent before the last one was answered', () => {
  it('are answered in their order, one after the other', async () => {
    const requests = Array.from({ length: 8 }, (_, n) => lines(`GET /api/feeds/tag${n} HTTP/1.1`, own()));
    const text = await sendRaw(api.url, requests.join(''));
    expect([...text.matchAll(/"name":"tag(\d)"/g)].map(([, n]) => n).join('')).toBe('01234567');
  });

  it('are refused where they are too many, and the connection ends', async () => {
    const text = await sendRaw(api.url, lines('GET /api/feeds HTTP/1.1', own()).repeat(1_000));
    const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status);
    expect(statuses.at(-1)).toBe('429');
    expect(statuses.length).toBeLessThan(50);
  });

  it('open one stream, however many they ask for', async () => {
    const socket = open(api.url);
    socket.write(lines('GET /api/live?stream=feeds HTTP/1.1', own(), 'Accept: text/event-stream').repeat(1_000));
    await new Promise((resolve) => socket.once('data', resolve));
    await expect
      .poll(async () => {
        const { text } = await api.request('/metrics');
        return Number(/^tagwire_sse_opened_total (\d+)/m.exec(text)?.[1]);
      })
      .toBe(1);
    socket.destroy();
  });
});
