import { request as send, type IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PROBLEM_JSON } from '../../contract/problem.ts';
import { startEmbedded } from './api.ts';

let api: Awaited<ReturnType<typeof startEmbedded>>;
let id: string;

beforeAll(async () => {
  api = await startEmbedded();
  ({ id } = await api.create({ title: 'a post', content: '#any', author: 'Ada' }));
});
afterAll(() => api[Symbol.asyncDispose]());

type Asked = {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | undefined;
};

const METHODS = [
  ...['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'SEARCH', 'REPORT'],
  ...['PROPFIND', 'LOCK', 'M-SEARCH', 'PURGE', 'LINK', 'QUERY'],
];
const PLACES = [
  'posts',
  'posts/ID',
  'posts/ID/history',
  'feeds',
  'feeds/any',
  'search',
  'live',
  'generate/post',
  'about',
];
const HEADERS = [
  ...['accept', 'accept-encoding', 'content-type', 'content-encoding', 'cookie', 'forwarded', 'if-match'],
  ...['if-none-match', 'idempotency-key', 'last-event-id', 'origin', 'range', 'x-forwarded-for', 'x-request-id'],
  ...['host', 'sec-fetch-site', 'sec-fetch-mode', 'expect', 'te', 'if-range', 'if-unmodified-since', 'upgrade', 'via'],
  ...['x-forwarded-host', 'x-forwarded-proto', 'x-http-method-override', 'content-range'],
];
const ODD = [
  '',
  '*',
  '"1"',
  'W/"1"',
  'text/event-stream',
  'application/json',
  'gzip',
  '-1',
  '1e9',
  '__proto__',
  'cross-site',
  '100-continue',
  'evil.example',
  'bytes=9-1,-5',
  'websocket',
  '127.0.0.1',
  'gzip, chunked',
  '////',
];

const piece = fc.oneof(
  fc.string().map(encodeURIComponent),
  fc.constantFrom('%00', '%ff', '%F0%9F%98%80', '..', '/', '//', '?', '&', '=', '@', '[]', '%0d%0a', 'constructor'),
);
const junk = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''));
const cursor = fc.tuple(fc.constantFrom('posts', 'feeds'), fc.string(), fc.string()).map((position) => {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
});
const query = fc
  .array(fc.tuple(fc.constantFrom('q', 'cursor', 'limit', 'stream', 'lastEventId'), fc.oneof(junk, cursor)))
  .map((pairs) => pairs.map((pair) => pair.join('=')).join('&'));
const path = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(fc.constantFrom(...PLACES), query).map(([place, q]) => `/api/${place}?${q}`) },
  fc.tuple(fc.constantFrom(...PLACES), junk).map(([place, end]) => `/api/${place}/${end}`),
  junk.map((any) => `/${any}`),
  fc
    .tuple(fc.constantFrom('feed', 'post', 'assets', 'api', 'metrics', 'p/local/api'), junk)
    .map((parts) => `/${parts.join('/')}`),
  junk.map((any) => `http://evil.example/${any}`),
);
const field = fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.constant('#tag'), fc.array(fc.string()));
const post = fc.record({ title: field, content: field, author: field, id: field }, { requiredKeys: [] });
const body = fc.oneof(
  fc.string(),
  fc.uint8Array(),
  fc.json(),
  post.map((value) => JSON.stringify(value)),
);
const headers = fc.dictionary(fc.constantFrom(...HEADERS), fc.oneof(fc.constantFrom(...ODD), fc.string()), {
  maxKeys: 4,
});
const asked: fc.Arbitrary<Asked> = fc.record({
  method: fc.constantFrom(...METHODS),
  path,
  headers: fc.tuple(headers, fc.boolean()).map(([given, isJson]) => {
    return { ...given, ...(isJson && { 'content-type': 'application/json' }) };
  }),
  body: fc.option(body, { nil: undefined }),
});

/** The head of the answer; the body, which may be a stream, is thrown away. */
function answerTo({ method, path, headers, body }: Asked): Promise<IncomingMessage> {
  const { hostname, port } = new URL(api.url);
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  return new Promise((resolve, reject) => {
    const outgoing = send(
      { hostname, port, method, path: path.replace('ID', id), headers: { ...headers, ...length }, agent: false },
      (response) => {
        response.destroy();
        resolve(response);
      },
    );
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

it('any request is answered, never with a fault of the server, and refused with a problem', async () => {
  await fc.assert(
    fc.asyncProperty(asked, async (request) => {
      const { statusCode = 0, headers } = await answerTo(request);
      // Pages are not built here.
      const isPage = statusCode === 503 && headers['content-type']?.startsWith('text/html') === true;
      expect(statusCode).toBeGreaterThanOrEqual(200);
      // What is refused for its form is 501; nothing else of the server's own may fail.
      if (!isPage && statusCode !== 501) expect(statusCode).toBeLessThan(500);
      if (!isPage && statusCode >= 400) expect(headers['content-type']).toBe(PROBLEM_JSON);
    }),
    { numRuns: 400 },
  );
  expect((await api.request('/readyz')).status).toBe(200);
}, 60_000);
