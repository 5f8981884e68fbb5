import { useEventListener } from '@vueuse/core';
import { defineStore } from 'pinia';
import { v4 as uuid } from 'uuid';
import { computed, onScopeDispose, ref, watch } from 'vue';
import type { NewPost, Post } from '../../../contract/post.ts';
import { type ApiError, describeError, isTemporary } from '../api/api.ts';
import { apiKey, need, storagePrefixKey } from '../context.ts';
import { useConnection } from '../streams/connection-store.ts';
import { usePosts } from '../streams/post-store.ts';
import {
  claimed,
  due,
  hurried,
  newEntry,
  nextDue,
  type OutboxEntry,
  parseEntries,
  postponed,
  putAside,
  refused,
  replaceEntry,
} from './outbox.ts';

/** What became of an entry: told to all who listen, whether it was just written or sent later. */
export type OutboxNews = SendResult & { readonly entry: OutboxEntry };

export type SendResult =
  | { readonly kind: 'posted'; readonly post: Post }
  /** No answer yet; it will be sent again until there is one. */
  | { readonly kind: 'waiting' }
  /** The server will not take it, so it is not kept here: it is still in the form. */
  | { readonly kind: 'refused'; readonly error: ApiError };

/**
 * Posts on their way to the server. Each is stored before it is sent, and stays until it is answered, so that a
 * reload, a crash or a lost connection loses nothing; its key makes a repeated request one post. All windows of a
 * profile share it, and any of them sends.
 */
export const useOutbox = defineStore('outbox', () => {
  const api = need(apiKey);
  const storageKey = `${need(storagePrefixKey)}outbox`;
  const connection = useConnection();
  const posts = usePosts();
  const entries = ref<OutboxEntry[]>(parseEntries(localStorage.getItem(storageKey)));
  const listeners = new Set<(news: OutboxNews) => void>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  /** Reads, changes and writes what all windows share; synchronous, so no other window comes between. */
  function update(change: (entries: OutboxEntry[]) => OutboxEntry[]): void {
    entries.value = change(parseEntries(localStorage.getItem(storageKey)));
    if (entries.value.length === 0) localStorage.removeItem(storageKey);
    else localStorage.setItem(storageKey, JSON.stringify(entries.value));
    schedule();
  }

  /** Sends a post that was just written, and says what became of it. */
  async function send(post: NewPost): Promise<SendResult> {
    const entry = claimed(newEntry(uuid(), post, Date.now()), Date.now());
    update((all) => [...all, entry]);
    const result = await attempt(entry);
    if (result.kind === 'refused') discard(entry.id);
    return result;
  }

  async function attempt(entry: OutboxEntry): Promise<SendResult> {
    const news = await tryToSend(entry);
    for (const listener of listeners) listener({ ...news, entry });
    return news;
  }

  async function tryToSend(entry: OutboxEntry): Promise<SendResult> {
    const result = await api.create(entry.post, entry.id);
    if (result.ok) {
      posts.wrote(result.value);
      discard(entry.id);
      return { kind: 'posted', post: result.value };
    }
    const { error } = result;
    const next = isTemporary(error)
      ? postponed(entry, Date.now(), error.kind === 'refused' ? error.retryAfterMs : 0)
      : refused(entry, describeError(error));
    update((all) => replaceEntry(all, next));
    return isTemporary(error) ? { kind: 'waiting' } : { kind: 'refused', error };
  }

  /** Sends what is due, one after the other, so that posts keep their order. */
  async function sendDue(): Promise<void> {
    for (;;) {
      const stored = parseEntries(localStorage.getItem(storageKey));
      const entry = due(stored, Date.now());
      if (entry === undefined) break;
      const mine = claimed(entry, Date.now());
      update((all) => replaceEntry(all, mine));
      if ((await attempt(mine)).kind === 'waiting') break;
    }
    schedule();
  }

  function schedule(): void {
    clearTimeout(timer);
    const at = nextDue(entries.value);
    if (at !== undefined) timer = setTimeout(() => void sendDue(), Math.max(50, at - Date.now()));
  }

  /** Tries at once what waits for a better moment. */
  function hurry(): void {
    update((all) => all.map(hurried));
    void sendDue();
  }

  /** Gives an entry back to its writer: it is not sent until a changed one takes its place. */
  function setAside(entry: OutboxEntry): void {
    update((all) => replaceEntry(all, putAside(entry)));
  }

  function discard(id: string): void {
    update((all) => all.filter((entry) => entry.id !== id));
  }

  watch(
    () => connection.isLive,
    (isLive) => isLive && entries.value.length > 0 && hurry(),
  );
  useEventListener(window, 'online', () => entries.value.length > 0 && hurry());
  useEventListener(window, 'storage', (event: StorageEvent) => {
    if (event.key !== storageKey) return;
    entries.value = parseEntries(event.newValue);
    schedule();
  });
  schedule();
  onScopeDispose(() => clearTimeout(timer));

  return {
    entries: computed(() => entries.value),
    /** Those that are worth showing: not the ones that are just being sent for the first time. */
    held: computed(() => entries.value.filter((entry) => entry.attempts > 1 || entry.claimedUntil === 0)),
    send,
    hurry,
    setAside,
    discard,
    /** Calls back with what becomes of each entry that this window sends; returns what stops that. */
    onNews(listener: (news: OutboxNews) => void): () => void {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
});
