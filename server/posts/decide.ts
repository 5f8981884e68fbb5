import { isBlank, type NewPost, type Post, type PostPatch } from '../../contract/post.ts';
import { tagsOf } from '../../contract/tags.ts';
import { METADATA, type Message } from '../messaging/message.ts';
import { TOPICS, type PostCreated, type PostDeleted, type PostUpdated } from './events.ts';
import type { ChangeOptions, ChangeResult, DeleteResult, StoredPost } from './post-store.ts';

/*
 * The rules of the write model, without a database: a stored post and a command make a new post and its event,
 * or an outcome that changes nothing. Both stores run these inside their transaction.
 */

/** What comes from outside a command: the time of day, new ids (posts and messages), the request it belongs to. */
export type Surroundings = {
  readonly now: Date;
  readonly ids: () => string;
  readonly correlationId?: string;
};

/** A command that changes something: the post as it is to be stored, and the event to store with it. */
export type Change = { readonly kind: 'change'; readonly post: StoredPost; readonly message: Message };

export function decideCreate(input: NewPost, surroundings: Surroundings): Change {
  const occurredAt = surroundings.now.toISOString();
  const post = firstVersion(surroundings.ids(), input, occurredAt);
  const event: PostCreated = { post, occurredAt };
  return change(post, false, messageOf(TOPICS.postCreated, post.id, event, surroundings));
}

/** A post as it is right after `input` was accepted. */
export function firstVersion(id: string, { title, content, author }: NewPost, createdAt: string): Post {
  return { id, version: 1, title, content, author, tags: tagsOf(content), createdAt, editedAt: null };
}

/** The version is looked at first: whoever saw an older post hears of the newer one, whatever the patch says. */
export function decideUpdate(
  stored: StoredPost | undefined,
  patch: PostPatch,
  { expectedVersion }: ChangeOptions,
  surroundings: Surroundings,
): Change | ChangeResult {
  if (!stored || stored.deleted) return { kind: 'missing' };
  const current = postOf(stored);
  if (expectedVersion !== undefined && expectedVersion !== current.version) return { kind: 'conflict', current };

  const title = patch.title ?? current.title;
  const content = patch.content ?? current.content;
  if (title === current.title && content === current.content) return { kind: 'unchanged', post: current };
  if (isBlank(title) && isBlank(content)) return { kind: 'empty' };

  const occurredAt = notBefore(current, surroundings.now);
  const version = current.version + 1;
  const post: Post = { ...current, version, title, content, tags: tagsOf(content), editedAt: occurredAt };
  const event: PostUpdated = { originalPost: current, newPost: post, occurredAt };
  return change(post, false, messageOf(TOPICS.postUpdated, post.id, event, surroundings));
}

/** What stays of a deleted post is its id, its author, its times and the version of the deletion. */
export function decideDelete(
  stored: StoredPost | undefined,
  { expectedVersion }: ChangeOptions,
  surroundings: Surroundings,
): Change | DeleteResult {
  if (!stored || stored.deleted) return { kind: 'missing' };
  const current = postOf(stored);
  if (expectedVersion !== undefined && expectedVersion !== current.version) return { kind: 'conflict', current };

  const occurredAt = notBefore(current, surroundings.now);
  const version = current.version + 1;
  const event: PostDeleted = { post: current, version, occurredAt };
  const tombstone: Post = { ...current, version, title: '', content: '', tags: [], editedAt: occurredAt };
  return change(tombstone, true, messageOf(TOPICS.postDeleted, current.id, event, surroundings));
}

/** The post that the API shows of a stored one. */
export function postOf({ id, version, title, content, author, tags, createdAt, editedAt }: StoredPost): Post {
  return { id, version, title, content, author, tags, createdAt, editedAt };
}

function change(post: Post, deleted: boolean, message: Message): Change {
  return { kind: 'change', post: { ...post, deleted }, message };
}

function messageOf(topic: string, key: string, event: object, { ids, correlationId }: Surroundings): Message {
  const metadata: Record<string, string> = {};
  if (correlationId !== undefined) metadata[METADATA.correlationId] = correlationId;
  return { id: ids(), topic, key, payload: JSON.stringify(event), metadata };
}

/** Now, but never before the text that it replaces, should the clock have been set back. */
function notBefore({ createdAt, editedAt }: Post, now: Date): string {
  const previous = editedAt ?? createdAt;
  const time = now.toISOString();
  return time > previous ? time : previous;
}
