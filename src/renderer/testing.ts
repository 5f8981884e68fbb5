import { createPinia, type Pinia } from 'pinia';
import { createApp, shallowRef } from 'vue';
import type { Post } from '../../contract/post.ts';
import type { Api, ApiError } from './http/api.ts';
import { apiKey, liveKey, storagePrefixKey } from './context.ts';
import { keptKey, keptStorage } from './storage/kept-storage.ts';
import type { LiveClient, LiveStatus, StreamListener } from './live/live-client.ts';

/* Stand-ins for what main.ts provides, for tests of stores. */

export function fakePost(over: Partial<Post> = {}): Post {
  return {
    id: 'p1',
    version: 1,
    title: 'Hello',
    content: '#x',
    author: 'Ada',
    tags: ['x'],
    createdAt: '2026-01-01T00:00:00.000Z',
    editedAt: null,
    ...over,
  };
}

export const UNREACHABLE: ApiError = { kind: 'unreachable', detail: 'The server cannot be reached.' };

/** An API of which each call fails unless the test says otherwise. */
export function fakeApi(over: Partial<Api> = {}): Api {
  const fail = async () => ({ ok: false as const, error: UNREACHABLE });
  return {
    feeds: fail,
    feed: fail,
    search: fail,
    post: fail,
    history: fail,
    create: fail,
    generate: fail,
    update: fail,
    remove: fail,
    ...over,
  };
}

/** A live client that says what the test tells it to. */
export function fakeLive() {
  const listeners = new Map<string, StreamListener>();
  const statusListeners = new Set<(status: LiveStatus) => void>();
  const client: LiveClient = {
    status: { kind: 'connecting' },
    open(stream, listener) {
      listeners.set(stream, listener);
      return () => void listeners.delete(stream);
    },
    onStatus(listener) {
      statusListeners.add(listener);
      return () => void statusListeners.delete(listener);
    },
    retryNow: () => undefined,
    close: () => undefined,
  };
  return {
    client,
    listeners,
    says(status: LiveStatus) {
      for (const listener of statusListeners) listener(status);
    },
  };
}

/** A Pinia inside an app that provides what stores need. */
export function testPinia({ api, live }: { api: Api; live: LiveClient }): Pinia {
  const pinia = createPinia();
  const storage = keptStorage(
    () => localStorage,
    () => undefined,
  );
  createApp({})
    .provide(keptKey, { storage, trouble: shallowRef() })
    .provide(apiKey, api)
    .provide(liveKey, live)
    .provide(storagePrefixKey, 'test:')
    .use(pinia);
  return pinia;
}

/** The part of the platform's Storage that is used, in memory. */
export class MemoryStorage implements Storage {
  readonly #items = new Map<string, string>();
  get length(): number {
    return this.#items.size;
  }
  clear(): void {
    this.#items.clear();
  }
  getItem(key: string): string | null {
    return this.#items.get(key) ?? null;
  }
  key(index: number): string | null {
    return [...this.#items.keys()][index] ?? null;
  }
  removeItem(key: string): void {
    this.#items.delete(key);
  }
  setItem(key: string, value: string): void {
    this.#items.set(key, value);
  }
}
