import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { FeedPage } from '../../contract/feed.ts';
import { MAX_STREAMS } from '../../contract/streams.ts';
import { MAX_TAG_LENGTH } from '../../contract/tags.ts';
import { explainByFetch } from '../../src/renderer/streams/explain.ts';
import { events, eventsOf, startEmbedded } from './api.ts';

let api: Awaited<ReturnType<typeof startEmbedded>>;
const rendererDir = mkdtempSync(join(tmpdir(), 'tagwire-renderer-'));
const closing = new AbortController();
const unknown = '00000000-0000-4000-8000-000000000000';

beforeAll(async () => {
  writeFileSync(join(rendererDir, 'index.html'), '<!doctype html><base href="/" /><title>Tagwire</title>');
  api = await startEmbedded({ RENDERER_DIR: rendererDir });
});
afterAll(async () => {
  closing.abort();
  await api[Symbol.asyncDispose]();
  rmSync(rendererDir, { recursive: true, force: true });
});

const eventStream = { Accept: 'text/event-stream' };
const stream = (path: string) => events(api.url + path, {}, closing.signal);
/** The stream when it has begun, its first event included, if there is one. */
const open = async (path: string, headers: Readonly<Record<string, string>>) =>
  eventsOf(await fetch(api.url + path, { headers: { ...eventStream, ...headers }, signal: closing.signal }));

describe('a single stream', () => {
  it.each(['/api/feeds', '/api/feeds/resumed'])('of %s goes on after Last-Event-ID', async (path) => {
    await api.create({ content: 'first #resumed', author: 'Ada' });
    let before: string | undefined;
    await vi.waitFor(async () => {
      expect((await api.request('/api/feeds/resumed')).json<FeedPage>().total).toBeGreaterThan(0);
      before = (await stream(path).next()).value?.id;
    }, 10_000);

    const resumed = await open(path, { 'Last-Event-ID': String(before) });
    await api.create({ content: 'second #resumed', author: 'Ada' });

    const { id, data } = (await resumed.next()).value ?? { data: '' };
    expect(Number(id)).toBeGreaterThan(Number(before));
    expect(data).toMatch(path === '/api/feeds' ? /"name":"resumed","posts":\d/ : /second #resumed/);
  });

  it('of a post goes on after Last-Event-ID', async () => {
    const { id } = await api.create({ content: 'a post', author: 'Ada' });
    const resumed = await open(`/api/posts/${id}`, { 'Last-Event-ID': '1' });
    await api.request(`/api/posts/${id}`, { method: 'PATCH', body: { content: 'the post' } });

    expect((await resumed.next()).value).toMatchObject({
      id: '2',
      data: expect.stringContaining('the post') as string,
    });
  });

  it.each(['/api/feeds', '/api/feeds/any', '/api/live?stream=feeds'])(
    'of %s answers HEAD with its headers alone',
    async (path) => {
      const answer = await api.request(path, { method: 'HEAD', headers: eventStream });

      expect(answer).toMatchObject({ status: 200, text: '' });
      expect(answer.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    },
  );

  it.each([eventStream, { Accept: 'application/json' }])(
    'of an unknown post is not there, nor for HEAD (%o)',
    async (headers) => {
      const answer = await api.request(`/api/posts/${unknown}`, { headers });
      expect(answer.problem()).toMatchObject({ status: 404 });
      expect(await api.request(`/api/posts/${unknown}`, { method: 'HEAD', headers })).toMatchObject({
        status: 404,
        text: '',
      });
    },
  );

  it('can not be forged by line breaks in a post', async () => {
    const content = '#forged\r\n\r\nevent: data\rdata: {"posts":[]}\n\nid: 9\u2028two';
    const events = stream('/api/feeds/forged');
    await events.next();
    await api.create({ content, author: 'Ada' });

    const { data } = (await events.next()).value ?? { data: '' };

    expect((JSON.parse(data) as FeedPage).posts).toMatchObject([{ content }]);
  });
});

describe('many streams on one connection', () => {
  it('are refused one by one, so that the live client can go on without those', async () => {
    const refused = ['feed:Golang', 'users', 'post:1', 'feed:go'];
    const query = 'stream=feeds&stream=feed:Golang@12&stream=users&stream=post:1&stream=feed:go@new';

    const refusal = await explainByFetch(`${api.url}/api/live?${query}`);

    expect(refusal?.status).toBe(400);
    expect(refusal?.refused?.map(({ stream }) => stream)).toEqual(refused);
  });

  it('are to be named: nothing is refused where nothing was asked for', async () => {
    const refusal = await explainByFetch(`${api.url}/api/live`);
    expect(refusal).toMatchObject({ status: 400, refused: [] });
  });

  it('may have names as long as there are', async () => {
    const letters = '𐐨'; // A small letter outside of the BMP: 12 bytes in a URL.
    const names = Array.from({ length: MAX_STREAMS }, (_, n) => `${n}${letters.repeat(MAX_TAG_LENGTH)}`);
    const query = names.map((name) => {
      const tag = [...name].slice(0, MAX_TAG_LENGTH).join('');
      return `stream=${encodeURIComponent(`feed:${tag}`)}@1764000000000000`;
    });

    const first = await stream(`/api/live?${query.join('&')}`).next();

    expect(first.value?.event).toBe('snapshot');
  });
});

describe('the page of the app', () => {
  it('comes with a policy that lets no inline script run, and is in nobody’s frame', async () => {
    const { status, headers } = await api.request('/feed/golang', { headers: { Accept: 'text/html' } });

    expect(status).toBe(200);
    const policy = String(headers['content-security-policy']).split(';');
    expect(policy).toEqual(
      expect.arrayContaining(["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"]),
    );
    expect(policy.join()).not.toContain('unsafe');
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY' });
  });
});

describe('an event stream', () => {
  it('has the id of its request and is not sniffed, and no more headers than it needs', async () => {
    const answer = await fetch(`${api.url}/api/live?stream=feeds`, { headers: eventStream, signal: closing.signal });

    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-request-id': expect.stringMatching(/./),
    });
    expect([...answer.headers].length).toBeLessThan(10);
  });

  it('that is refused is answered with the id of its request', async () => {
    const answer = await fetch(`${api.url}/api/live?stream=nothing`, { headers: eventStream });

    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ requestId: answer.headers.get('x-request-id') });
  });
});
