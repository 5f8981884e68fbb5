import { newestFirst } from '../../contract/order.ts';
import type { Post } from '../../contract/post.ts';

/**
 * What the servers have accepted: the truth that everything is held against in the end. Each post is written by one
 * writer at a time, and each write is sent until it is answered, so that there is one right state of each post.
 */
export interface Journal {
  /** The answer to a create or an edit. */
  accepted(post: Post): void;
  deleted(id: string): void;
  /** Something that no fault excuses: a wrong answer, a post that is gone. */
  violation(what: string): void;
  readonly violations: readonly string[];
  /** Living posts by id. */
  readonly living: ReadonlyMap<string, Post>;
  readonly deletedIds: ReadonlySet<string>;
  /** Writes that were accepted. */
  readonly writes: number;
}

export function journal(): Journal {
  const living = new Map<string, Post>();
  const deletedIds = new Set<string>();
  const violations: string[] = [];
  let writes = 0;
  return {
    living,
    deletedIds,
    violations,
    get writes() {
      return writes;
    },
    accepted(post) {
      writes += 1;
      living.set(post.id, post);
    },
    deleted(id) {
      writes += 1;
      living.delete(id);
      deletedIds.add(id);
    },
    violation: (what) => void violations.push(what),
  };
}

/** The posts of each feed as they should be, newest first. */
export function expectedFeeds(living: ReadonlyMap<string, Post>): Map<string, Post[]> {
  const feeds = new Map<string, Post[]>();
  for (const post of living.values()) {
    for (const tag of new Set(post.tags)) feeds.set(tag, [...(feeds.get(tag) ?? []), post]);
  }
  for (const posts of feeds.values()) posts.sort(newestFirst);
  return feeds;
}
