import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { z } from 'zod';
import { FEED_LIST_SIZE, FEED_PAGE_SIZE, FeedPage } from '../contract/feed.ts';
import { Problem } from '../contract/problem.ts';
import {
  ChangeEvent,
  FeedChange,
  FeedsChange,
  FeedsState,
  FeedState,
  HEARTBEAT_MS,
  HeartbeatEvent,
  MAX_STREAMS,
  PostChange,
  PostState,
  SILENCE_MS,
  SnapshotEvent,
} from '../contract/streams.ts';
import { EventStreamParser, type ParsedEvent } from '../server/sse/parse.ts';
import { startEmbedded, type Api } from './api/api.ts';

/* docs/protocol.md promises that a client can be written from it alone: its examples are what a server sends. */

const page = await readFile(new URL('../docs/protocol.md', import.meta.url), 'utf8');
const blocks = (language: string) =>
  [...page.matchAll(/^```(\S+(?: \S+)?)\n(.*?)^```$/gms)]
    .filter(([, kind]) => kind === language)
    .map(([, , text = '']) => text);
const examples = blocks('sse').flatMap(parseEvents);

const STATES: Record<string, { state: z.ZodType; change: z.ZodType }> = {
  feeds: { state: FeedsState.strict(), change: FeedsChange.strict() },
  feed: { state: FeedState.strict(), change: FeedChange.strict() },
  post: { state: PostState, change: PostChange },
};

function parseEvents(text: string): ParsedEvent[] {
  const events: ParsedEvent[] = [];
  new EventStreamParser((event) => events.push(event)).feed(text);
  return events;
}

/** Holds an event against the contract: its envelope, and what is in it. Returns the kinds that it is an example of. */
function check({ event, data, lastEventId }: ParsedEvent): string {
  const value: unknown = JSON.parse(data);
  if (event === 'heartbeat') {
    HeartbeatEvent.strict().parse(value);
    return event;
  }
  if (event === 'data') {
    FeedPage.strict().parse(value);
    expect(lastEventId).toMatch(/^\d+$/);
    return event;
  }
  expect(event).toMatch(/^(snapshot|change)$/);
  expect(lastEventId).toBe('');
  if (event === 'snapshot') {
    const { stream, state } = SnapshotEvent.strict().parse(value);
    return `snapshot of ${kindOf(stream, (kind) => kind.state.parse(state))}`;
  }
  const { stream, from, version, change } = ChangeEvent.strict().parse(value);
  expect(version).toBeGreaterThan(from);
  return `change of ${kindOf(stream, (kind) => kind.change.parse(change))}`;
}

function kindOf(stream: string, parse: (kind: { state: z.ZodType; change: z.ZodType }) => void): string {
  const name = stream.split(':')[0] ?? '';
  const kind = STATES[name];
  if (kind === undefined) throw new Error(`${stream} is of no kind that the page names`);
  parse(kind);
  return name;
}

describe('the page', () => {
  test('has a valid example of every event', () => {
    expect(new Set(examples.map(check))).toEqual(
      new Set([
        'snapshot of feeds',
        'snapshot of feed',
        'snapshot of post',
        'change of feeds',
        'change of feed',
        'change of post',
        'heartbeat',
        'data',
      ]),
    );
  });

  test('states the limits as they are', () => {
    expect(page).toContain(`| streams on one connection | ${MAX_STREAMS} |`);
    expect(page).toContain(`more than ${MAX_STREAMS} streams`);
    expect(page).toContain(`every ${HEARTBEAT_MS / 1000} s`);
    expect(page).toContain(`Silence for ${SILENCE_MS / 1000} s`);
    expect(page).toContain(`the newest ${FEED_PAGE_SIZE} posts`);
    expect(page).toContain(`the ${FEED_LIST_SIZE.toLocaleString('en')} most recently active`);
  });
});

describe('a real server', () => {
  let api: Api & AsyncDisposable;
  const aborts: AbortController[] = [];

  beforeAll(async () => {
    api = await startEmbedded();
  });

  afterAll(async () => {
    for (const abort of aborts) abort.abort();
    await api[Symbol.asyncDispose]();
  });

  /** A client as the page describes it. */
  function watch(path: string): ParsedEvent[] {
    const abort = new AbortController();
    aborts.push(abort);
    const events: ParsedEvent[] = [];
    const parser = new EventStreamParser((event) => events.push(event));
    const read = async () => {
      const response = await fetch(api.url + path, { headers: { accept: 'text/event-stream' }, signal: abort.signal });
      const text = response.body?.pipeThrough(new TextDecoderStream());
      if (text) for await (const piece of text) parser.feed(piece);
    };
    void read().catch(() => undefined);
    return events;
  }

  const eventually = (look: () => void) => vi.waitFor(look, { timeout: 10_000, interval: 10 });
  const dataOf = (event: ParsedEvent | undefined) => JSON.parse(event?.data ?? 'null') as Record<string, unknown>;

  test('sends what the examples show, of each kind of stream', async () => {
    const post = await api.create({ title: 'One', content: '#protocol', author: 'Ada' });
    const events = watch(`/api/live?stream=feeds&stream=feed:protocol&stream=post:${post.id}`);
    await eventually(() => expect(new Set(events.map(check)).size).toBeGreaterThanOrEqual(3));
    await api.request(`/api/posts/${post.id}`, { method: 'PATCH', body: { content: '#protocol #second' } });
    await eventually(() =>
      expect(new Set(events.map(check))).toEqual(
        new Set([
          'snapshot of feeds',
          'snapshot of feed',
          'snapshot of post',
          'change of feeds',
          'change of feed',
          'change of post',
        ]),
      ),
    );
  });

  test('lets a client go on from its version, without a gap or a repetition', async () => {
    const first = watch('/api/live?stream=feed:resume');
    await eventually(() => expect(first).toHaveLength(1));
    await api.create({ title: 'One', content: '#resume', author: 'Ada' });
    await eventually(() => expect(first).toHaveLength(2));
    const { version } = dataOf(first[1]);
    await api.create({ title: 'Two', content: '#resume', author: 'Ada' });
    await eventually(() => expect(first).toHaveLength(3));
    const second = watch(`/api/live?stream=feed:resume@${String(version)}`);
    await eventually(() => expect(second).toHaveLength(1));
    expect(dataOf(second[0])).toEqual(dataOf(first[2]));
    expect(dataOf(second[0])).toMatchObject({
      from: version,
      change: { total: 2, put: [{ title: 'Two' }], remove: [] },
    });
  });

  test('refuses as the page says', async () => {
    const example = Problem.parse(JSON.parse(blocks('json problem')[0] ?? ''));
    const answer = await api.request('/api/live?stream=nonsense');
    expect(answer.problem()).toMatchObject(example);
    const tooMany = Array.from({ length: MAX_STREAMS + 1 }, (_, i) => `stream=feed:tag${i}`).join('&');
    expect((await api.request(`/api/live?${tooMany}`)).status).toBe(400);
    expect((await api.request('/api/live')).status).toBe(400);
    expect((await api.request('/api/live?stream=feeds@x')).status).toBe(400);
  });

  test('serves single streams at their own URLs', async () => {
    const events = watch('/api/feeds/single');
    await eventually(() => expect(events.map(check)).toEqual(['data']));
    await api.create({ title: 'One', content: '#single', author: 'Ada' });
    await eventually(() => expect(events.map(check)).toEqual(['data', 'data']));
    expect(dataOf(events[1])).toMatchObject({ name: 'single', total: 1, posts: [{ title: 'One' }] });
    const resumed = watch(`/api/feeds/single?lastEventId=${events[1]?.lastEventId ?? ''}`);
    await api.create({ title: 'Two', content: '#single', author: 'Ada' });
    await eventually(() => expect(resumed.length).toBeGreaterThan(0));
    expect(dataOf(resumed[0])).toMatchObject({ total: 2 });
    expect(
      (await api.request('/api/feeds/single?lastEventId=x', { headers: { accept: 'text/event-stream' } })).status,
    ).toBe(400);
  });
});
