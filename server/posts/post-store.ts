import type { NewPost, Post, PostPatch, PostRevision } from '../../contract/post.ts';
import type { DeadLetter, DeadLetterOffice } from '../messaging/dead-letter.ts';
import { ConflictError, OutageError } from '../messaging/errors.ts';
import type { Message } from '../messaging/message.ts';

/** A post as the write model keeps it: a deleted one stays as an empty row that holds its last version. */
export type StoredPost = Post & { readonly deleted: boolean };

export type CreateOptions = {
  /** From `Idempotency-Key`: a second create with the same key and the same input returns the first one's post. */
  readonly idempotencyKey?: string;
  readonly correlationId?: string;
};
export type ChangeOptions = {
  /** From `If-Match`: the version that the caller has seen. */
  readonly expectedVersion?: number;
  readonly correlationId?: string;
};

export type HistoryPage = { readonly before?: number; readonly limit: number };

export type CreateResult =
  { readonly kind: 'created' | 'repeated'; readonly post: Post } | { readonly kind: 'key-reused' };
export type ChangeResult =
  | { readonly kind: 'changed' | 'unchanged'; readonly post: Post }
  | { readonly kind: 'missing' }
  | { readonly kind: 'conflict'; readonly current: Post }
  /** The patch would leave both title and content empty. */
  | { readonly kind: 'empty' };
export type DeleteResult =
  { readonly kind: 'deleted' } | { readonly kind: 'missing' } | { readonly kind: 'conflict'; readonly current: Post };

/**
 * The write model. Each accepted command commits the post and its event (a row of the outbox) in one
 * transaction (docs/architecture.md, invariant 1). Every method throws `StoreUnavailable` when the database can't be reached.
 */
export interface PostStore {
  create(input: NewPost, options?: CreateOptions): Promise<CreateResult>;
  update(id: string, patch: PostPatch, options?: ChangeOptions): Promise<ChangeResult>;
  delete(id: string, options?: ChangeOptions): Promise<DeleteResult>;
  get(id: string): Promise<Post | undefined>;
  /** As `get`; but a deleted post is given as well, as the empty row that is left of it. */
  stored(id: string): Promise<StoredPost | undefined>;
  /** Up to `limit` texts that the post has had, newest first, the present one included; those before version `before`. */
  history(id: string, page: HistoryPage): Promise<PostRevision[] | undefined>;
  /** All posts, deleted ones included, by id, in pages after `after`: what `rebuild` and `verify` read. */
  page(after: string | undefined, limit: number): Promise<StoredPost[]>;
  /** How many posts `page` goes through. */
  count(): Promise<number>;
  /** Throws when the database does not answer. */
  ping(): Promise<void>;
}

/** A row marked as published further than this in the future, in ms, was marked by a clock that was set back since. */
export const FUTURE_MARK_MS = 60_000;

/** What the outbox holds; ages are in ms since the commit, 0 where there is none. */
export type Backlog = {
  /** Rows that were never marked as published (most of them are by now), and the age of the oldest. */
  readonly unpublished: number;
  readonly oldestMs: number;
  /** Rows that were, and the age of the oldest, however often it was published again. */
  readonly unconfirmed: number;
  readonly oldestUnconfirmedMs: number;
};

/** Events that were committed, and are not yet known to be in the read model. */
export interface Outbox {
  /**
   * At most `limit` messages that somebody should publish: those that were never marked as published and were made before
   * `madeBefore`, the oldest first; then those that were last marked before `publishedBefore`, or more than
   * {@link FUTURE_MARK_MS} in the future. Several callers may get the same ones.
   */
  stale(limit: number, bounds: { readonly madeBefore: Date; readonly publishedBefore: Date }): Promise<Message[]>;
  /** Marks messages as published now; those that are not there any more are passed over. */
  markPublished(messageIds: readonly string[]): Promise<void>;
  /** The read model has these events: their rows go. Ids that are not there are passed over. */
  confirm(messageIds: readonly string[]): Promise<void>;
  backlog(): Promise<Backlog>;
  /**
   * Calls the listener after each local commit with the messages that it added. They are in the outbox as well: to forget
   * them loses nothing.
   */
  onCommit(listener: (messages: readonly Message[]) => void): () => void;
}

/** Messages that no handler could deal with, kept until somebody replays or drops them. */
export interface DeadLetters extends DeadLetterOffice {
  /** Keeps the letter and removes its message from the outbox, in one transaction. Twice the same is once. */
  keep(letter: DeadLetter): Promise<void>;
  /** The newest first; at most `limit`, default 100. */
  list(limit?: number): Promise<DeadLetter[]>;
  get(messageId: string): Promise<DeadLetter | undefined>;
  /**
   * Puts the message back into the outbox and removes the letter, in one transaction. False where there is none.
   * The message gets a new id, or brokers and handlers that leave out duplicates would leave it out.
   */
  replay(messageId: string): Promise<boolean>;
  drop(messageId: string): Promise<boolean>;
  count(): Promise<number>;
}

/** The three ports on one database. */
export type WriteModel = {
  readonly store: PostStore;
  readonly outbox: Outbox;
  readonly deadLetters: DeadLetters;
  /** Ends what is under way and closes the database; all three then throw `StoreUnavailable`. */
  close(): Promise<void>;
};

/** The write model's database does not answer. */
export class StoreUnavailable extends OutageError {
  readonly code = 'STORE_UNAVAILABLE';
}

/** The database undid a transaction because of others, time and again. */
export class StoreConflict extends ConflictError {
  readonly code = 'STORE_CONFLICT';
}

/** The write model's database has no room left: what is there can be read, and nothing be written. */
export class StoreFull extends StoreUnavailable {
  readonly full = true;
}
