import { useEventListener } from '@vueuse/core';
import { defineStore } from 'pinia';
import { v4 as uuid } from 'uuid';
import { computed, onScopeDispose, ref, watch } from 'vue';
import type { NewPost, Post } from '../../../contract/post.ts';
import { type ApiError, describeError, isTemporary } from '../http/api.ts';
import { apiKey, need, storagePrefixKey } from '../context.ts';
import { keptKey } from '../storage/kept-storage.ts';
import { useConnection } from '../streams/connection-store.ts';
import { usePosts } from '../streams/post-store.ts';
import {
  claimed,
  due,
  hurried,
  newEntry,
  nextDue,
  type OutboxEntry,
  postponed,
  putAside,
  readEntries,
  refused,
  replaceEntry,
  writeEntries,
} from './outbox.ts';

/** What became of an entry: told to all who listen, whether it was just written or sent later. */
export type OutboxNews = SendResult & {
  readonly entry: OutboxEntry;
  /** The form that it was written in is open yet, and is told as well. */
  readonly isInForm: boolean;
};

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
  const { storage } = need(keptKey);
  const prefix = `${need(storagePrefixKey)}outbox:`;
  const connection = useConnection();
  const posts = usePosts();
  const entries = ref<OutboxEntry[]>(readEntries(storage, prefix));
  const listeners = new Set<(news: OutboxNews) => void>();
  /** Forms that wait for what becomes of their post, by its id. */
  const forms = new Map<string, (result: SendResult) => void>();
  let sending: Promise<void> | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  /** Reads, changes and writes what all windows share. */
  function update(change: (entries: OutboxEntry[]) => OutboxEntry[]): void {
    const before = readEntries(storage, prefix);
    entries.value = change(before);
    writeEntries(storage, prefix, before, entries.value);
    schedule();
  }

  /** Sends a post that was just written, after those that wait, and says what became of it. */
  async function send(post: NewPost): Promise<SendResult> {
    const id = uuid();
    const answered = new Promise<SendResult>((resolve) => forms.set(id, resolve));
    // The latest of them, also within one millisecond, and after the clock was set back.
    update((all) => [
      ...all.map(hurried),
      newEntry(id, post, Math.max(Date.now(), ...all.map(({ writtenAt }) => writtenAt + 1))),
    ]);
    void sendDue();
    const result = await answered;
    if (result.kind === 'refused') discard(id);
    return result;
  }

  async function attempt(entry: OutboxEntry): Promise<SendResult> {
    const result = await tryToSend(entry);
    tell(entry, result);
    return result;
  }

  function tell(entry: OutboxEntry, result: SendResult): void {
    const form = forms.get(entry.id);
    forms.delete(entry.id);
    for (const listener of listeners) listener({ ...result, entry, isInForm: form !== undefined });
    form?.(result);
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
      ? postponed(entry, Date.now(), {
          floorMs: error.kind === 'refused' ? error.retryAfterMs : 0,
          mayBePassed: error.kind === 'refused' && error.problem.status === 500,
        })
      : refused(entry, describeError(error));
    // Its writer may have begun to edit it meanwhile: then it stays aside.
    update((all) => all.map((now) => (now.id === entry.id && now.refusal === null ? next : now)));
    return isTemporary(error) ? { kind: 'waiting' } : { kind: 'refused', error };
  }

  /** Sends what is due, one after the other, so that posts keep their order. */
  function sendDue(): Promise<void> {
    sending ??= sendAllDue().finally(() => (sending = undefined));
    return sending;
  }

  async function sendAllDue(): Promise<void> {
    for (;;) {
      const entry = due(readEntries(storage, prefix), Date.now());
      if (entry === undefined) break;
      const mine = claimed(entry, Date.now());
      update((all) => replaceEntry(all, mine));
      await attempt(mine);
    }
    // Forms do not wait for posts that wait themselves, for an older one or for another window's attempt.
    for (const entry of entries.value) if (forms.has(entry.id)) tell(entry, { kind: 'waiting' });
    // Another window has sent these, and told of it.
    for (const form of forms.values()) form({ kind: 'waiting' });
    forms.clear();
    schedule();
  }

  function schedule(): void {
    clearTimeout(timer);
    const inMs = nextDue(entries.value, Date.now());
    if (inMs !== undefined) timer = setTimeout(() => void sendDue(), Math.max(50, inMs));
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
    if (event.key !== null && !event.key.startsWith(prefix)) return;
    entries.value = readEntries(storage, prefix);
    schedule();
  });
  schedule();
  onScopeDispose(() => clearTimeout(timer));

  return {
    entries: computed(() => entries.value),
    /** Those that are worth showing: not the ones that are just being sent for the first time. */
    held: computed(() => entries.value.filter((entry) => entry.attempts > 1 || !entry.isSending)),
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
