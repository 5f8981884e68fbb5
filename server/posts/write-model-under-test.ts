import type { NewPost, Post } from '../../contract/post.ts';
import type { Message } from '../messaging/message.ts';
import type { Outbox, PostStore, WriteModel } from './post-store.ts';

/* What the contract suites of this room share. */

export type OpenOptions = { readonly ids?: () => string };

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
  for (;;) {
    const some = await outbox.stale(100, { madeBefore: new Date(Date.now() + 1), publishedBefore: new Date(0) });
    if (some.length === 0) return messages;
    messages.push(...some);
    await outbox.markPublished(some.map(({ id }) => id));
  }
}
