import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Post } from '../../contract/post.ts';
import { ask, type Answer, type Asked } from './http.ts';
import type { Journal } from './journal.ts';
import type { Random } from './random.ts';

export type WritersOptions = {
  readonly port: number;
  readonly journal: Journal;
  readonly random: Random;
  /** How many write at once. */
  readonly writers: number;
  /** Pause of each between two writes, in ms, on average. */
  readonly pauseMs: number;
};

export interface Writers {
  /** Creates a post now, beside the steady load, and resolves when it is accepted; `first` names the port of the first try. */
  create(content: string, first?: number): Promise<Post>;
  /** Takes no new work; resolves with the number of writes that got no answer within `limitMs`. */
  stop(limitMs: number): Promise<number>;
  /** Requests that got no answer, or 503, and were sent again. */
  readonly retries: number;
}

export const TAGS = [
  'golang',
  'rust',
  'été',
  '发布会',
  'go',
  'deploy',
  'ops',
  'lunch',
  'design',
  'bugs',
  'ideas',
  'news',
];
/** A tag that all posts of the steady load have, so that one feed is long. */
export const COMMON_TAG = 'all';

const RETRY_MS = { min: 50, max: 1_000 };
const SHARE = { create: 0.55, edit: 0.35 };
/** One post in so many is large. */
const LARGE_EVERY = 25;

/** A steady load: creates, edits and deletions, each sent until it is answered, as a good client would. */
export function startWriters({ port, journal, random, writers, pauseMs }: WritersOptions): Writers {
  const stopping = new AbortController();
  const givingUp = new AbortController();
  const busy = new Set<string>();
  let pending = 0;
  let retries = 0;
  let written = 0;

  /** Sends until `done` takes the answer. Throws only when it is given up at the end of a run. */
  async function untilAnswered(
    path: string,
    asked: Asked,
    done: (answer: Answer, tried: number) => boolean,
    first = port,
  ) {
    pending += 1;
    for (let tried = 1; ; tried += 1) {
      try {
        const answer = await ask(tried === 1 ? first : port, path, asked);
        if (done(answer, tried)) break;
        if (answer.status !== 503) {
          journal.violation(`${asked.method} ${path} was answered with ${answer.status}: ${answer.text.slice(0, 200)}`);
          break;
        }
      } catch {
        // No answer, or half of one: what became of the write is not known.
      }
      givingUp.signal.throwIfAborted();
      retries += 1;
      await delay(Math.min(RETRY_MS.max, RETRY_MS.min * 2 ** Math.min(tried, 6)) * (0.5 + random.next() / 2));
    }
    pending -= 1;
  }

  async function create(content: string, first?: number): Promise<Post> {
    let post: Post | undefined;
    const body = { title: `Post ${++written}`, content, author: 'Ada' };
    const headers = { 'Idempotency-Key': randomUUID() };
    const done = ({ status, json }: Answer) => {
      if (status === 201) post = json<Post>();
      return status === 201;
    };
    await untilAnswered('/api/posts', { method: 'POST', body, headers }, done, first);
    if (post === undefined) throw new Error(`The post was refused: ${journal.violations.at(-1)}`);
    journal.accepted(post);
    return post;
  }

  async function edit(post: Post): Promise<void> {
    const content = textOf(random);
    const headers = { 'If-Match': `"${post.version}"` };
    const done = ({ status, json }: Answer, tried: number) => {
      if (status === 200) journal.accepted(json<Post>());
      if (status === 200 || status !== 412 || tried === 1) return status === 200;
      // An earlier try went through, and its answer was lost.
      const { current } = json<{ current: Post }>();
      const isOurs = current.version === post.version + 1 && current.content === content;
      if (isOurs) journal.accepted(current);
      return isOurs;
    };
    await untilAnswered(`/api/posts/${post.id}`, { method: 'PATCH', body: { content }, headers }, done);
  }

  async function remove(post: Post): Promise<void> {
    const headers = { 'If-Match': `"${post.version}"` };
    const done = ({ status }: Answer, tried: number) => {
      const isGone = status === 204 || (status === 404 && tried > 1);
      if (isGone) journal.deleted(post.id);
      return isGone;
    };
    await untilAnswered(`/api/posts/${post.id}`, { method: 'DELETE', headers }, done);
  }

  /** One of the newest posts that nobody else is writing to: that is where the races are. */
  function choose(): Post | undefined {
    const posts = [...journal.living.values()]
      .slice(-200)
      .filter(({ id, tags }) => !busy.has(id) && tags.includes(COMMON_TAG));
    return posts.length === 0 ? undefined : random.pick(posts);
  }

  async function write(): Promise<void> {
    const dice = random.next();
    const post = dice < SHARE.create ? undefined : choose();
    if (post === undefined) return void (await create(textOf(random)));
    busy.add(post.id);
    await (dice < SHARE.create + SHARE.edit ? edit(post) : remove(post));
    busy.delete(post.id);
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await write();
      await delay(pauseMs * 2 * random.next());
    }
  }

  const running = Array.from({ length: writers }, () => run());
  for (const each of running) each.catch(() => undefined); // whoever stops them is told how many are left
  return {
    create,
    get retries() {
      return retries;
    },
    async stop(limitMs) {
      stopping.abort();
      const limit = setTimeout(() => givingUp.abort(new Error('The run is over')), limitMs);
      await Promise.allSettled(running);
      clearTimeout(limit);
      return pending;
    },
  };
}

function textOf(random: Random): string {
  const tags = [COMMON_TAG, ...random.shuffled(TAGS).slice(0, random.between(0, 3))];
  const filler = 'x'.repeat(
    random.between(1, LARGE_EVERY) === 1 ? random.between(4_000, 8_000) : random.between(0, 80),
  );
  return `${tags.map((tag) => `#${tag}`).join(' ')} ${randomUUID()} ${filler}`;
}
