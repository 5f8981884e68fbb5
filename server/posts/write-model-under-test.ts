import type { NewPost, Post } from '../../contract/post.ts';
import type { Message } from '../messaging/message.ts';
import type { Outbox, PostStore, WriteModel } from './post-store.ts';

/* What the contract suites of this room share. */

export type OpenOptions = { readonly clock?: () => Date; readonly ids?: () => string };

/** An empty database of one test. It can be opened again, and again at once; disposing closes all and removes it. */
export interface DatabaseUnderTest extends AsyncDisposable {
  open(options?: OpenOptions): Promise<WriteModel>;
}

export function newPost(fields: Partial<NewPost> = {}): NewPost {
  return { title: 'A title', content: 'Some words about #golang', author: 'Ada', ...fields };
}

/** Creates a post, and returns it. */
export async function created(store: PostStore, fields: Partial<NewPost> = {}): Promise<Post> {
  const result = await store.create(newPost(fields));
  if (result.kind !== 'created') throw new Error(`expected a created post, not ${result.kind}`);
  return result.post;
}

/** Publishes whatever was never published, and returns it. */
export async function forwardAll(outbox: Outbox): Promise<Message[]> {
  const messages: Message[] = [];
  while ((await outbox.forward(100, NOTHING_PUBLISHED_BEFORE, async (some) => void messages.push(...some))) > 0);
  return messages;
}

/** As `republishBefore`: only rows that were never published. */
export const NOTHING_PUBLISHED_BEFORE = new Date(0);

/** A clock that stands still until it is set. */
export function settableClock(start = '2026-03-01T12:00:00.000Z') {
  let now = new Date(start).getTime();
  const clock = () => new Date(now);
  return Object.assign(clock, {
    advance: (ms: number) => {
      now += ms;
    },
  });
}
