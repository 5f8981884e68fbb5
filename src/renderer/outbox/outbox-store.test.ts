import { setActivePinia } from 'pinia';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { nextTick } from 'vue';
import type { Api, ApiResult } from '../http/api.ts';
import type { Post } from '../../../contract/post.ts';
import { fakeApi, fakeLive, fakePost, MemoryStorage, testPinia, UNREACHABLE } from '../testing.ts';
import { type OutboxNews, useOutbox } from './outbox-store.ts';

const post = { title: '', content: 'Hello #x', author: 'Ada' };
const posted: ApiResult<Post> = { ok: true, value: fakePost() };
const unreachable: ApiResult<Post> = { ok: false, error: UNREACHABLE };
const refused: ApiResult<Post> = {
  ok: false,
  error: { kind: 'refused', problem: { type: 'about:blank', title: 'Bad', status: 400, detail: 'It is too long.' } },
};

function open(create: Api['create'], live = fakeLive()) {
  setActivePinia(testPinia({ api: fakeApi({ create }), live: live.client }));
  return { outbox: useOutbox(), live };
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('window', new EventTarget());
  vi.stubGlobal('localStorage', new MemoryStorage());
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('a post that was written', () => {
  it('is stored before it is sent, and forgotten once it is answered', async () => {
    let stored: string | null = null;
    const { outbox } = open(async () => {
      stored = localStorage.getItem(localStorage.key(0) ?? '');
      return posted;
    });
    expect(await outbox.send(post)).toEqual({ kind: 'posted', post: fakePost() });
    expect(stored).toContain('Hello #x');
    expect(localStorage.length).toBe(0);
  });

  it('is sent again with the same key until there is an answer', async () => {
    const keys: string[] = [];
    const { outbox } = open(async (_post, key) => {
      keys.push(key);
      return keys.length < 3 ? unreachable : posted;
    });
    expect((await outbox.send(post)).kind).toBe('waiting');
    expect(outbox.held).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
    expect(outbox.held).toHaveLength(0);
  });

  it('is sent at once when the connection is back', async () => {
    let isUp = false;
    const { outbox, live } = open(async () => (isUp ? posted : unreachable));
    await outbox.send(post);
    isUp = true;
    live.says({ kind: 'live' });
    await nextTick();
    await vi.advanceTimersByTimeAsync(100);
    expect(outbox.entries).toHaveLength(0);
  });

  it('goes back to the form when the server refuses it at once', async () => {
    const { outbox } = open(async () => refused);
    expect((await outbox.send(post)).kind).toBe('refused');
    expect(outbox.entries).toHaveLength(0);
  });

  it('waits for its writer, with the reason, when the server refuses it later', async () => {
    let answer = unreachable;
    const { outbox } = open(async () => answer);
    const news: OutboxNews[] = [];
    outbox.onNews((one) => news.push(one));
    await outbox.send(post);
    answer = refused;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(outbox.held.map(({ refusal }) => refusal)).toEqual(['The server refused it: It is too long.']);
    expect(news.map(({ kind }) => kind)).toEqual(['waiting', 'refused']);
  });

  it('is not sent while its writer edits it', async () => {
    const sent: string[] = [];
    const { outbox } = open(async (_post, key) => {
      sent.push(key);
      return unreachable;
    });
    await outbox.send(post);
    const [entry] = outbox.held;
    if (entry !== undefined) outbox.setAside(entry);
    outbox.hurry();
    await vi.advanceTimersByTimeAsync(120_000);
    expect(sent).toHaveLength(1);
    expect(outbox.held).toHaveLength(1);
  });

  it('is not sent when its writer began to edit it while it was on its way in vain', async () => {
    const sent: string[] = [];
    const { outbox } = open(async (_post, key) => {
      sent.push(key);
      const [entry] = outbox.entries;
      if (entry !== undefined) outbox.setAside(entry);
      return unreachable;
    });
    await outbox.send(post);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(sent).toHaveLength(1);
    expect(outbox.held.map(({ refusal }) => refusal)).toEqual(['It waits for you: you began to edit it.']);
  });

  it('goes after those that wait, whose turn comes with it', async () => {
    const sent: string[] = [];
    let isUp = false;
    const { outbox } = open(async ({ content }) => {
      sent.push(content);
      return isUp ? posted : unreachable;
    });
    await outbox.send({ ...post, content: 'first' });
    expect(await outbox.send({ ...post, content: 'second' })).toEqual({ kind: 'waiting' });
    expect(sent).toEqual(['first', 'first']);
    isUp = true;
    expect((await outbox.send({ ...post, content: 'third' })).kind).toBe('posted');
    expect(sent.slice(2)).toEqual(['first', 'second', 'third']);
    expect(outbox.entries).toHaveLength(0);
  });

  it('is told to its form, or to everybody where the form is closed already', async () => {
    let answer = unreachable;
    const { outbox } = open(async () => answer);
    const news: [string, boolean][] = [];
    outbox.onNews(({ kind, isInForm }) => news.push([kind, isInForm]));
    await outbox.send(post);
    await outbox.send(post);
    answer = refused;
    await vi.advanceTimersByTimeAsync(60_000);
    const [waits, waitsAgain, ...later] = news;
    expect(waits).toEqual(['waiting', true]);
    expect(waitsAgain).toEqual(['waiting', false]);
    expect(later).toEqual([
      ['waiting', true],
      ['refused', false],
      ['refused', false],
    ]);
  });

  it('asks no more often than the server wants, however long that is', async () => {
    const asked: string[] = [];
    const problem = { type: 'about:blank', title: 'Busy', status: 503, detail: 'Later.' };
    const { outbox } = open(async (_post, key) => {
      asked.push(key);
      return { ok: false, error: { kind: 'refused', problem, retryAfterMs: 3_600_000 } };
    });
    await outbox.send(post);
    await vi.advanceTimersByTimeAsync(3_000_000);
    expect(asked).toHaveLength(1);
  });

  it('survives a crash in the middle of sending: the next start sends it with the same key', async () => {
    const keys: string[] = [];
    const first = open(async (_post, key) => {
      keys.push(key);
      return new Promise<never>(() => undefined);
    });
    void first.outbox.send(post);
    vi.clearAllTimers();
    const second = open(async (_post, key) => {
      keys.push(key);
      return posted;
    });
    await vi.advanceTimersByTimeAsync(40_000);
    expect(keys).toHaveLength(2);
    expect(keys[0]).toBe(keys[1]);
    expect(second.outbox.entries).toHaveLength(0);
  });
});
