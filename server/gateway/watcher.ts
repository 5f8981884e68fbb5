import { EventSourceParserStream } from 'eventsource-parser/stream';
import { LIMITS, type Post } from '../../contract/post.ts';
import { PROBLEM_JSON, Problem } from '../../contract/problem.ts';
import { retryAfterMs } from '../../contract/retry-after.ts';
import type { ConnectionState } from '../../contract/shell.ts';
import {
  ChangeEvent,
  FeedChange,
  FeedState,
  MAX_STREAMS,
  SILENCE_MS,
  SnapshotEvent,
  feedStream,
} from '../../contract/streams.ts';
import { backOff, retryAfterOf, wait } from '../messaging/retry.ts';
import { MAX_EVENT_BYTES } from './answer-bounds.ts';

/** Opens an address below a profile's `/api/`, as its windows would: through the gateway. */
export type Open = (path: string, signal: AbortSignal) => Promise<Response>;

export type WatcherOptions = {
  readonly open: Open;
  readonly onConnection: (state: ConnectionState) => void;
  /** `replayed`: they came while there was no connection. */
  readonly onArrived: (feed: string, posts: Post[], replayed: boolean) => void;
  /** The time between the first two tries, in ms. Default 1,000. */
  readonly firstRetryMs?: number;
  /** Without followed feeds the server is asked this often, in ms, whether it is there. */
  readonly pollMs?: number;
};

/** Ids of a feed's posts, the latest ones, and when the newest was created. */
type Known = { readonly ids: Set<string>; readonly newest: string };

const MAX_RETRY_MS = 30_000;
/** Ids are UUIDs; a server that makes longer ones is not remembered for it. */
const MAX_ID_LENGTH = 64;
/** Several pages of a feed: what is older than that is told from news by its time. */
const MAX_KNOWN = 500;
/** As many posts are told at once: nobody reads more notifications, and a count goes on at the next. */
const MAX_TOLD = 50;
/** More than any problem has, in bytes. */
const MAX_PROBLEM_BYTES = 64 * 1024;

/**
 * Watches one profile: whether its server answers, and what arrives in the feeds that the user follows, also when no
 * window is open. Tries again for ever, after 1 to 30 s ± 25 % (docs/protocol.md, "Coming back").
 */
export class Watcher {
  readonly #options: WatcherOptions;
  readonly #closed = new AbortController();
  /** What is no news, for each followed feed that was read. */
  readonly #known = new Map<string, Known>();
  #feeds: readonly string[] = [];
  /** Ends the present stream or the present wait. */
  #cycle = new AbortController();
  #state: ConnectionState = { state: 'connecting' };
  #failures = 0;
  /** Waiting for the next poll, with no request of its own under way. */
  #idle = false;

  constructor(options: WatcherOptions) {
    this.#options = options;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Starts watching; resolves after {@link close}. Never rejects. */
  async run(): Promise<void> {
    while (!this.#closed.signal.aborted) {
      this.#cycle = new AbortController();
      const signal = AbortSignal.any([this.#cycle.signal, this.#closed.signal]);
      try {
        if (this.#feeds.length > 0) await this.#follow(signal);
        else await this.#poll(signal);
      } catch (error) {
        if (!signal.aborted) await this.#backOff(error, signal);
      }
    }
  }

  /** Changes which feeds are followed, as many as one connection carries; those that stay lose nothing. */
  setFeeds(feeds: readonly string[]): void {
    if (feeds.join('\n') === this.#feeds.join('\n')) return;
    this.#feeds = feeds.slice(0, MAX_STREAMS);
    for (const feed of this.#known.keys()) if (!feeds.includes(feed)) this.#known.delete(feed);
    this.#cycle.abort();
  }

  /** Asks now. */
  retry(): void {
    this.#failures = 0;
    this.#cycle.abort();
  }

  /** A request to the server failed: looks for itself at once, unless it is looking already. */
  suspect(): void {
    if (this.#idle) this.#cycle.abort();
  }

  close(): void {
    this.#closed.abort();
  }

  async #poll(signal: AbortSignal): Promise<void> {
    const response = await this.#ask('about', signal);
    await response.body?.cancel();
    this.#connected();
    this.#idle = true;
    try {
      await wait(this.#options.pollMs ?? MAX_RETRY_MS, signal);
    } finally {
      this.#idle = false;
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const streams = this.#feeds.map((feed) => `stream=${encodeURIComponent(feedStream(feed))}`);
    const silence = new AbortController();
    const response = await this.#ask(`live?${streams.join('&')}`, AbortSignal.any([signal, silence.signal]));
    this.#connected();
    const events = response.body
      ?.pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream({ maxBufferSize: MAX_EVENT_BYTES }));
    let watchdog: NodeJS.Timeout | undefined;
    const watch = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => silence.abort(new Error('The server has fallen silent.')), SILENCE_MS);
    };
    watch();
    try {
      for await (const { event, data } of events ?? []) {
        watch();
        if (event === 'snapshot') this.#onSnapshot(SnapshotEvent.parse(JSON.parse(data)));
        else if (event === 'change') this.#onChange(ChangeEvent.parse(JSON.parse(data)));
      }
    } finally {
      clearTimeout(watchdog);
    }
    throw new Error('The server closed the stream.');
  }

  async #ask(path: string, signal: AbortSignal): Promise<Response> {
    const response = await this.#options.open(path, signal);
    if (response.ok) return response;
    const isProblem = response.headers.get('content-type')?.startsWith(PROBLEM_JSON) === true;
    const problem = Problem.safeParse(isProblem ? parseJson(await startOf(response)) : await response.body?.cancel());
    const error = new Error(problem.data?.detail ?? `The server answered with status ${response.status}.`);
    throw Object.assign(error, { retryAfterMs: retryAfterMs(response.headers) });
  }

  /** What is in a feed when it is first read is no news; what came between two connections is. */
  #onSnapshot({ stream, state }: SnapshotEvent): void {
    const feed = this.#feedOf(stream);
    if (feed !== undefined) this.#tell(feed, FeedState.parse(state).posts, true);
  }

  #onChange({ stream, change }: ChangeEvent): void {
    const feed = this.#feedOf(stream);
    if (feed !== undefined) this.#tell(feed, FeedChange.parse(change).put, false);
  }

  /** Of those that were asked for: a server may say what it likes. */
  #feedOf(stream: string): string | undefined {
    return this.#feeds.find((name) => feedStream(name) === stream);
  }

  /** An edit is no arrival, nor is an old post that moved up into the page when a newer one was deleted. */
  #tell(feed: string, all: readonly Post[], replayed: boolean): void {
    const posts = all.filter(({ id }) => id.length <= MAX_ID_LENGTH).slice(0, MAX_KNOWN);
    const before = this.#known.get(feed);
    const known = before ?? { ids: new Set(), newest: '' };
    const news = posts.filter(
      ({ id, version, createdAt }) => version === 1 && !known.ids.has(id) && createdAt >= known.newest,
    );
    for (const { id } of posts) known.ids.add(id);
    const newest = [known.newest, ...posts.map(({ createdAt }) => createdAt)].sort().at(-1) ?? '';
    this.#known.set(feed, { ids: new Set([...known.ids].slice(-MAX_KNOWN)), newest });
    if (news.length > 0 && (before !== undefined || !replayed))
      this.#options.onArrived(feed, news.slice(0, MAX_TOLD).map(shortened), replayed);
  }

  #connected(): void {
    this.#failures = 0;
    if (this.#state.state !== 'connected') this.#set({ state: 'connected', since: new Date().toISOString() });
  }

  async #backOff(error: unknown, signal: AbortSignal): Promise<void> {
    const initialMs = this.#options.firstRetryMs ?? 1_000;
    const ms = Math.max(backOff((this.#failures += 1), { initialMs, maxMs: MAX_RETRY_MS }), retryAfterOf(error));
    this.#set({
      state: 'offline',
      since: this.#state.state === 'offline' ? this.#state.since : new Date().toISOString(),
      retryAt: new Date(Date.now() + ms).toISOString(),
      reason: error instanceof Error ? error.message : String(error),
    });
    await wait(ms, signal).catch(() => undefined);
  }

  #set(state: ConnectionState): void {
    this.#state = state;
    this.#options.onConnection(state);
  }
}

/** What a notification may need of a post: no more than a post may have, whatever the server sent. */
function shortened(post: Post): Post {
  const { title, content, author } = post;
  return {
    ...post,
    title: title.slice(0, LIMITS.title),
    content: content.slice(0, LIMITS.content),
    author: author.slice(0, LIMITS.author),
  };
}

/** As much of the answer as a problem may have. */
async function startOf(response: Response): Promise<string> {
  let text = '';
  for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += piece;
    if (text.length > MAX_PROBLEM_BYTES) break;
  }
  return text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
