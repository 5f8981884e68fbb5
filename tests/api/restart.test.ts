import { afterEach, describe, expect, it } from 'vitest';
import type { FeedPage } from '../../contract/feed.ts';
import { startServer, type TestServer } from '../e2e/server.ts';
import { startBalancer } from '../faults/balancer.ts';
import { until } from '../wait.ts';
import { apiAt, type Api } from './api.ts';

let server: TestServer | undefined;

afterEach(() => server?.stop());

const WRITERS = 4;

/** Writes posts, one after the other; each is sent again with its key until it is accepted, as a client would. */
async function write(api: Api, name: string, accepted: Map<string, string>, isOver: () => boolean): Promise<void> {
  for (let n = 0; !isOver(); n += 1) {
    const content = `${name} ${n} #crash`;
    const headers = { 'Idempotency-Key': content.replaceAll(' ', '-') };
    for (let done = false; !done;) {
      const answer = await api
        .request('/api/posts', { method: 'POST', body: { content, author: name }, headers })
        .catch(() => undefined);
      done = answer?.status === 201;
      if (answer !== undefined && done) accepted.set(content, answer.json<{ id: string }>().id);
      else await until(async () => (await api.request('/readyz').catch(() => undefined))?.status === 200, 15_000);
    }
  }
}

async function wholeFeed(api: Api, name: string): Promise<{ total: number; posts: [content: string, id: string][] }> {
  const posts: [string, string][] = [];
  for (let cursor = ''; ;) {
    const page = (await api.request(`/api/feeds/${name}?limit=200${cursor}`)).json<FeedPage>();
    posts.push(...page.posts.map(({ content, id }): [string, string] => [content, id]));
    if (page.next === null) return { total: page.total, posts };
    cursor = `&cursor=${encodeURIComponent(page.next)}`;
  }
}

describe('an embedded server', () => {
  it(
    'that is killed again and again under writes has every accepted post in its feed, once',
    { timeout: 60_000 },
    async () => {
      const started = (server = await startServer());
      const api = apiAt(started.url);
      const accepted = new Map<string, string>();
      let stop = false;

      const writers = Array.from({ length: WRITERS }, (_, n) => write(api, `writer-${n}`, accepted, () => stop));
      for (const goal of [40, 90, 150]) {
        await until(() => accepted.size >= goal, 15_000);
        await started.kill();
        await started.start();
      }
      await until(() => accepted.size >= 200, 15_000);
      stop = true;
      await Promise.all(writers);

      await until(async () => (await wholeFeed(api, 'crash')).total >= accepted.size, 10_000);
      const feed = await wholeFeed(api, 'crash');
      expect(feed.total).toBe(accepted.size);
      expect(feed.posts.toSorted()).toEqual([...accepted].toSorted());
    },
  );

  it('that is the only one behind a proxy turns nobody away while its streams end', { timeout: 60_000 }, async () => {
    const started = (server = await startServer({ ALLOWED_HOSTS: '127.0.0.1' }));
    await using undo = new AsyncDisposableStack();
    const proxy = await startBalancer([Number(new URL(started.url).port)]);
    undo.defer(() => proxy.close());
    const at = (path: string) => `http://127.0.0.1:${proxy.port}${path}`;
    const open = () => fetch(at('/api/live?stream=feed:drain'), { headers: { Accept: 'text/event-stream' } });
    const streams = await Promise.all(Array.from({ length: 300 }, open));
    expect(streams.filter(({ ok }) => !ok)).toEqual([]);
    let left = streams.length;
    const ends = streams.map((stream) => stream.text().finally(() => (left -= 1)));

    const ended = started.terminate();
    const statuses: number[] = [];
    while (left > 0) {
      const answers = await Promise.all([fetch(at('/api/feeds/drain')), open()]).catch(() => undefined);
      if (answers === undefined) break; // it is gone
      await Promise.all(answers.map((answer) => answer.text()));
      statuses.push(...answers.map(({ status }) => status));
    }

    await Promise.all(ends);
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(statuses.length).toBeGreaterThan(2);
    expect(await ended).toBe(0);
  });

  it('answers a request again as the first time, though it was killed in between', { timeout: 30_000 }, async () => {
    const started = (server = await startServer());
    const api = apiAt(started.url);
    const send = () =>
      api.request('/api/posts', {
        method: 'POST',
        body: { content: 'once #replay', author: 'Ada' },
        headers: { 'Idempotency-Key': 'replay-1' },
      });
    const first = await send();
    await started.kill();
    await started.start();

    const second = await send();

    expect(second).toMatchObject({ status: 201, text: first.text, headers: { 'idempotent-replayed': 'true' } });
    expect(first.headers['idempotent-replayed']).toBeUndefined();
    await until(async () => (await wholeFeed(api, 'replay')).total > 0, 10_000);
    expect((await wholeFeed(api, 'replay')).posts).toHaveLength(1);
  });

  it('ends with code 0 on SIGTERM, its streams being closed', async () => {
    server = await startServer();
    const stream = await fetch(`${server.url}/api/live?stream=feeds`, { headers: { Accept: 'text/event-stream' } });

    const code = await server.terminate();

    expect(code).toBe(0);
    expect(await stream.text()).toContain('event: snapshot');
  });
});
