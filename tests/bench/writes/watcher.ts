import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { request } from 'undici';
import type { Post } from '../../../contract/post.ts';

/** A window that watches streams of feeds on one connection, and notes when it shows each post. */
export type Watcher = AsyncDisposable & {
  /** When the last of the post's feeds showed it, in ms since 1970; `undefined` until all have. */
  seenAt(id: string): number | undefined;
  untilSeen(ids: Iterable<string>): Promise<void>;
};

/** Resolves when the first state of every stream is there. */
export async function watch(url: string, streams: readonly string[]): Promise<Watcher> {
  const query = streams.map((stream) => `stream=${encodeURIComponent(stream)}`).join('&');
  const closing = new AbortController();
  const { statusCode, body } = await request(`${url}/api/live?${query}`, {
    headers: { accept: 'text/event-stream' },
    headersTimeout: 0,
    bodyTimeout: 0,
    signal: closing.signal,
  });
  if (statusCode !== 200) throw new Error(`The streams were answered with ${statusCode}`);

  const shown = new Map<string, { feeds: Set<string>; lastAt: number; complete: boolean }>();
  const begun = new Set<string>();
  const complete = Promise.withResolvers<undefined>();
  let waiting: Set<string> | undefined;
  let progress: (() => void) | undefined;

  const onEvent = ({ event, data }: EventSourceMessage) => {
    if (event !== 'snapshot' && event !== 'change') return;
    const at = performance.timeOrigin + performance.now();
    const { stream, state, change } = JSON.parse(data) as {
      stream: string;
      state?: { posts?: Post[] };
      change?: { put?: Post[] };
    };
    if (event === 'snapshot') begun.add(stream);
    for (const { id, tags } of change?.put ?? state?.posts ?? []) {
      const post = shown.get(id) ?? { feeds: new Set(), lastAt: at, complete: false };
      shown.set(id, post);
      if (post.complete) continue;
      post.feeds.add(stream);
      post.lastAt = at;
      post.complete = tags.every((tag) => post.feeds.has(`feed:${tag}`));
      if (post.complete) waiting?.delete(id);
    }
    if (begun.size === streams.length) complete.resolve(undefined);
    progress?.();
  };
  const parser = createParser({ onEvent });
  const decoder = new TextDecoder();
  const reading = (async () => {
    for await (const chunk of body) parser.feed(decoder.decode(chunk as Buffer, { stream: true }));
    throw new Error('The stream has ended');
  })().catch((error: unknown) => {
    if (!closing.signal.aborted) complete.reject(error);
  });
  await complete.promise;

  const seenAt = (id: string) => {
    const post = shown.get(id);
    return post?.complete ? post.lastAt : undefined;
  };
  return {
    seenAt,
    untilSeen(ids) {
      const left = (waiting = new Set([...ids].filter((id) => seenAt(id) === undefined)));
      return new Promise((resolve) => {
        progress = () => {
          if (left.size === 0) resolve();
        };
        progress();
      });
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      await reading;
    },
  };
}
