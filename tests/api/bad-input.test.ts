import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmbedded, type Sent } from './api.ts';

let api: Awaited<ReturnType<typeof startEmbedded>>;
let id: string;

beforeAll(async () => {
  api = await startEmbedded();
  ({ id } = await api.create({ title: 'a post', content: 'to be changed', author: 'Ada' }));
});
afterAll(() => api[Symbol.asyncDispose]());

const valid = { title: 'title', content: 'content', author: 'author' };
const post = (body: Sent['body'], headers: Sent['headers'] = {}): [string, Sent] => [
  '/api/posts',
  { method: 'POST', body, headers },
];
const patch = (body: Sent['body'], headers: Sent['headers'] = {}): [() => string, Sent] => [
  () => `/api/posts/${id}`,
  { method: 'PATCH', body, headers },
];
const get = (path: string, headers: Sent['headers'] = {}): [string, Sent] => [path, { headers }];
const unknown = '00000000-0000-4000-8000-000000000000';

/** What is sent, the status, and the fields that the problem names, or a part of its detail. */
const CASES: [string, [string | (() => string), Sent], number, string[] | RegExp][] = [
  ['no body', post(undefined), 400, ['body']],
  ['an empty body', post(''), 400, ['body']],
  ['JSON that breaks off', post('{"title": "a'), 400, ['body']],
  ['JSON with a wrong token', post('{"title": nope}'), 400, /at position 11/],
  ['JSON with a comma too many', post('{"title": "a",}'), 400, /at position 14/],
  ['JSON that is a number', post('7'), 400, ['body']],
  ['JSON that is null', post('null'), 400, ['body']],
  ['JSON that is an array', post('[]'), 400, ['body']],
  ['deep JSON', post(`{"title":${'['.repeat(50_000)}${']'.repeat(50_000)}}`), 400, ['title', 'author']],
  ['deep JSON that breaks off', post('['.repeat(100_000)), 400, ['body']],
  ['bytes that are no UTF-8', post(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])), 400, ['body']],
  ['UTF-16', post(Buffer.from('{}', 'utf16le')), 400, ['body']],
  ['10 MB', post('x'.repeat(10_000_000)), 413, ['body']],
  ['10 MB in a small gzip', post(gzipSync('x'.repeat(10_000_000)), { 'Content-Encoding': 'gzip' }), 413, ['body']],
  ['10 MB in a tiny br', post(brotliCompressSync('x'.repeat(10_000_000)), { 'Content-Encoding': 'br' }), 413, ['body']],
  ['a broken gzip', post('nonsense', { 'Content-Encoding': 'gzip' }), 400, ['body']],
  ['an unknown encoding', post('{}', { 'Content-Encoding': 'rot13' }), 415, ['Content-Encoding']],
  ['gzip twice', post('{}', { 'Content-Encoding': 'gzip, gzip' }), 415, ['Content-Encoding']],
  ['an unknown charset', post('{}', { 'Content-Type': 'application/json; charset=klingon' }), 415, ['Content-Type']],
  ['another charset', post('{}', { 'Content-Type': 'application/json; charset=utf-16' }), 415, ['Content-Type']],
  ['a form', post('title=a', { 'Content-Type': 'application/x-www-form-urlencoded' }), 415, ['Content-Type']],
  ['a broken content type', post('{}', { 'Content-Type': ';;;' }), 415, ['Content-Type']],
  ['no fields', post({}), 400, ['author']],
  ['an author alone', post({ author: 'Ada' }), 400, ['content']],
  ['fields of wrong types', post({ title: 1, content: ['a'], author: null }), 400, ['title', 'content', 'author']],
  ['an empty author', post({ ...valid, author: ' ' }), 400, ['author']],
  ['neither title nor content', post({ ...valid, title: '', content: ' ' }), 400, ['content']],
  ['a long title', post({ ...valid, title: 'ä'.repeat(201) }), 400, /201 characters; at most 200/],
  ['a long content', post({ ...valid, content: '😀'.repeat(10_001) }), 400, /10001 characters; at most 10000/],
  ['a long author', post({ ...valid, author: 'x'.repeat(101) }), 400, /101 characters; at most 100/],
  ['half a surrogate pair', post('{"title":"\\ud800","content":"c","author":"a"}'), 400, ['title']],
  ['NUL', post({ ...valid, content: 'a\0b' }), 400, ['content']],
  [
    'names of prototypes',
    post('{"__proto__":{"author":"x"},"constructor":{"prototype":{}},"title":"t"}'),
    400,
    ['author'],
  ],
  ['an empty idempotency key', post(valid, { 'Idempotency-Key': '' }), 400, ['Idempotency-Key']],
  ['a long idempotency key', post(valid, { 'Idempotency-Key': 'k'.repeat(256) }), 400, ['Idempotency-Key']],
  ['an idempotency key with a space', post(valid, { 'Idempotency-Key': 'a b' }), 400, ['Idempotency-Key']],
  ['an idempotency key of other letters', post(valid, { 'Idempotency-Key': 'schlüssel' }), 400, ['Idempotency-Key']],
  ['a patch of nothing known', patch('"x"'), 400, ['body']],
  ['a patch of a wrong type', patch({ title: false }), 400, ['title']],
  ['a patch that empties the post', patch({ title: '', content: '' }), 400, ['content']],
  ['a patch with another id', patch({ id: unknown, title: 'x' }), 400, ['id']],
  ['a weak If-Match', patch({ title: 'x' }, { 'If-Match': 'W/"1"' }), 400, ['If-Match']],
  ['an If-Match without quotes', patch({ title: 'x' }, { 'If-Match': '1' }), 400, ['If-Match']],
  ['an If-Match of words', patch({ title: 'x' }, { 'If-Match': '"one"' }), 400, ['If-Match']],
  ['an If-Match of a huge number', patch({ title: 'x' }, { 'If-Match': `"${'9'.repeat(400)}"` }), 400, ['If-Match']],
  ['an If-Match of another version', patch({ title: 'x' }, { 'If-Match': '"9"' }), 412, /version 1/],
  ['a patch of an unknown post', [`/api/posts/${unknown}`, { method: 'PATCH', body: { title: 'x' } }], 404, /no post/],
  ['a patch of an id that is none', ['/api/posts/nope', { method: 'PATCH', body: { title: 'x' } }], 404, /no post/],
  ['a delete of an unknown post', [`/api/posts/${unknown}`, { method: 'DELETE' }], 404, /no post/],
  ['an unknown post', get(`/api/posts/${unknown}`), 404, /no post/],
  ['the stream of an unknown post', get(`/api/posts/${unknown}`, { Accept: 'text/event-stream' }), 404, /no post/],
  ['an id that is none', get("/api/posts/';drop%20table%20posts"), 404, /no post/],
  ['the history of an unknown post', get(`/api/posts/${unknown}/history`), 404, /no post/],
  ['a broken percent-encoding', get('/api/posts/%E0%A4%A'), 400, ['path']],
  ['a percent-encoding that is no UTF-8', get('/api/feeds/%ff'), 400, ['path']],
  ['a feed that is no tag', get('/api/feeds/a%20b'), 400, ['name']],
  ['a feed of digits', get('/api/feeds/123'), 400, ['name']],
  ['a feed with a long name', get(`/api/feeds/${'x'.repeat(65)}`), 400, ['name']],
  ['the stream of a feed that is no tag', get('/api/feeds/%00', { Accept: 'text/event-stream' }), 400, ['name']],
  ['a limit of 0', get('/api/feeds/a?limit=0'), 400, ['limit']],
  ['a limit of 201', get('/api/feeds?limit=201'), 400, ['limit']],
  ['a limit in words', get('/api/search?q=a&limit=ten'), 400, ['limit']],
  ['a limit with a sign', get('/api/feeds?limit=-1'), 400, ['limit']],
  ['two limits', get('/api/feeds?limit=1&limit=2'), 400, ['limit']],
  ['a cursor of garbage', get('/api/feeds/a?cursor=garbage'), 400, ['cursor']],
  ['a cursor of the list of garbage', get('/api/feeds?cursor=%22%7B'), 400, ['cursor']],
  ['a cursor of the search of garbage', get('/api/search?q=a&cursor=bnVsbA'), 400, ['cursor']],
  ['a long cursor', get(`/api/feeds?cursor=${'x'.repeat(501)}`), 400, ['cursor']],
  ['no search text', get('/api/search'), 400, ['q']],
  ['an empty search text', get('/api/search?q=%20'), 400, ['q']],
  ['a search text that is no UTF-8', get('/api/search?q=%ff'), 400, ['q']],
  ['a long search text', get(`/api/search?q=${'x'.repeat(501)}`), 400, ['q']],
  [
    'a search for too many words',
    get(`/api/search?q=${Array.from({ length: 17 }, (_, i) => `w${i}`).join('+')}`),
    400,
    ['q'],
  ],
  ['a query with brackets', get('/api/search?q[$ne]=1'), 400, ['q']],
  ['no streams', get('/api/live'), 400, ['stream']],
  ['an unknown stream', get('/api/live?stream=users'), 400, ['stream']],
  ['a stream of a name that is no tag', get('/api/live?stream=feed:Golang'), 400, ['stream']],
  ['a version that is no number', get('/api/live?stream=feeds@latest'), 400, ['stream']],
  [
    'too many streams',
    get(`/api/live?${Array.from({ length: 201 }, (_, n) => `stream=feed:a${n}`).join('&')}`),
    400,
    ['stream'],
  ],
  ['an unknown path', get('/api/nothing'), 404, /Nothing is at/],
  ['an unknown method', ['/api/feeds', { method: 'DELETE' }], 405, /GET, HEAD, OPTIONS/],
  ['TRACE', ['/api/posts', { method: 'TRACE' }], 405, /POST, OPTIONS/],
  ['a page of another origin', post(valid, { Origin: 'https://evil.example' }), 403, ['Origin']],
  ['a request from another site', post(valid, { 'Sec-Fetch-Site': 'cross-site' }), 403, ['Sec-Fetch-Site']],
  ['a read from another site', get('/api/feeds', { 'Sec-Fetch-Site': 'cross-site' }), 403, ['Sec-Fetch-Site']],
  [
    'a frame of another site',
    get('/api/feeds', { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'iframe' }),
    403,
    ['Sec-Fetch-Site'],
  ],
  ['a host that was rebound to us', get('/api/feeds', { Host: 'evil.example' }), 421, ['Host']],
];

describe('bad input is answered with a problem that says what is wrong', () => {
  it.each(CASES)('%s', async (_name, [path, sent], status, named) => {
    const answer = await api.request(typeof path === 'string' ? path : path(), sent);

    const problem = answer.problem();
    expect({ status: answer.status, inBody: problem.status }).toEqual({ status, inBody: status });
    if (Array.isArray(named)) expect(problem.errors?.map(({ field }) => field).sort()).toEqual([...named].sort());
    else expect(problem.detail).toMatch(named);
  });

  it('and nothing of it was written', async () => {
    const answer = await api.request(`/api/posts/${id}`);
    expect(answer.json()).toMatchObject({ version: 1, title: 'a post' });
    expect((await api.request('/api/search?q=title')).json()).toMatchObject({ posts: [] });
  });
});

describe('headers of garbage', () => {
  it.each([
    ['Accept', '////;;q=x,,'],
    ['Last-Event-ID', '{"no": "version"}'],
    ['If-None-Match', 'W/"'],
    ['Cookie', '=;;=%ff'],
    ['X-Request-Id', '<script>alert(1)</script>'],
    ['X-Forwarded-For', 'not an address'],
    ['Accept-Encoding', '\xff'],
    ['Authorization', 'x'.repeat(5_000)],
  ])('%s is passed over', async (name, value) => {
    const answer = await api.request('/api/feeds', { headers: { [name]: value } });
    expect(answer.status).toBe(200);
    expect(answer.headers['x-request-id']).toMatch(/^[A-Za-z0-9._:-]{8,128}$/);
  });
});
