import type { Logger } from 'pino';
import type { FeedList, FeedPage, SearchResult } from '../../contract/feed.ts';
import type { Post } from '../../contract/post.ts';
import type { FeedChange, FeedsChange, StreamName } from '../../contract/streams.ts';
import { OutageError } from '../messaging/errors.ts';

/** The state of one post, as an event or the write model tells it: all that the projection needs. */
export type PostState = {
  readonly post: Post;
  /** The version of this state; for a deletion one more than the post's own. */
  readonly version: number;
  readonly deleted: boolean;
};

export type PageQuery = { readonly cursor?: string; readonly limit?: number };

/** A state and its version, read at one moment: no change lies between the two. */
export type Versioned<T> = { readonly version: number; readonly state: T };

/** What leads from a version to the present one; `undefined` where that way is no longer known. */
export type Changes<T> = { readonly from: number; readonly version: number; readonly change: T } | undefined;

/**
 * The read model: posts, feeds and counts, kept up to date by the projector alone. Versions of a feed and of the
 * list only grow, also over a rebuild and over a read model made anew.
 */
export interface ReadModel {
  /**
   * Applies states of posts, in any order, any number of times: each that is not newer than what was last
   * applied to its post is a no-op. A crash at any point is made good when the states come again.
   * Returns every stream that may have changed, those of no-ops included, since whoever applied them before
   * may have died before telling.
   */
  apply(states: readonly PostState[]): Promise<StreamName[]>;

  post(id: string): Promise<Post | undefined>;
  feed(name: string, page?: PageQuery): Promise<FeedPage>;
  feeds(query?: PageQuery & { readonly q?: string }): Promise<FeedList>;
  search(q: string, page?: PageQuery): Promise<SearchResult>;

  /** First page of a feed with its version; version 0 and no posts where nothing was ever in it. */
  feedSnapshot(name: string): Promise<Versioned<FeedPage>>;
  feedChanges(name: string, since: number): Promise<Changes<FeedChange>>;
  feedsSnapshot(): Promise<Versioned<FeedList>>;
  feedsChanges(since: number): Promise<Changes<FeedsChange>>;
  /** A post's version is the write model's; that of a deleted post is the deletion's; 0 for one never seen. */
  postSnapshot(id: string): Promise<Versioned<Post | null>>;

  /** Every document in a canonical form, without bookkeeping, for `verify` and the tests of invariant 2. */
  dump(): AsyncIterable<ReadModelDocument>;
  /** What was applied, by id in pages after `after`, tombstones included: what `rebuild` and `verify` compare. */
  page(after: string | undefined, limit: number): Promise<AppliedPost[]>;
  /** Compares what is kept of every feed with its posts, its count above all, and mends it; returns the names of those. */
  recount(): Promise<string[]>;
  /**
   * Removes every trace of a post, that it was ever applied included: for one that the write model does not know,
   * or whose state is wrong and is to be applied again. Returns the streams that changed.
   */
  forget(id: string): Promise<StreamName[]>;
  /**
   * True once a rebuild has gone through to its end: from then on the events keep it up. Before that posts may be
   * missing whose events came long ago.
   */
  isComplete(): Promise<boolean>;
  markComplete(): Promise<void>;
  /** Makes again what it works with (indexes, say), where somebody has taken that away since it was opened. */
  prepare(): Promise<void>;

  ping(): Promise<void>;
  close(): Promise<void>;
}

/** The last state that was applied to a post; `post` is `null` for a deleted one. */
export type AppliedPost = { readonly id: string; readonly version: number; readonly post: Post | null };

/** What every adapter needs. */
export type ReadModelOptions = {
  /** The time of day: where counters of versions start, and when a deletion happened. */
  readonly clock: () => Date;
  readonly logger: Logger;
};

/** `post` documents carry the post, `feed` documents the count and the ids of its posts, newest first. */
export type ReadModelDocument =
  | { readonly kind: 'post'; readonly id: string; readonly version: number; readonly post: Post | null }
  | { readonly kind: 'feed'; readonly name: string; readonly posts: number; readonly ids: string[] };

/** A cursor that was not made by this server. */
export class InvalidCursor extends Error {
  readonly code = 'INVALID_CURSOR';
}

/** The read model's database does not answer. */
export class ReadModelUnavailable extends OutageError {
  readonly code = 'READ_MODEL_UNAVAILABLE';
}

/** The read model is there and lacks posts: it is being made anew. */
export class ReadModelIncomplete extends ReadModelUnavailable {}
