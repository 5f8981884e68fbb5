import type { Post } from '../../contract/post.ts';
import { feedStream, postStream, type StreamName } from '../../contract/streams.ts';
import type { StoredPost } from '../posts/post-store.ts';
import type { PostState } from './read-model.ts';

/** What the read model remembers of a post: enough to tell what a newer state changes. */
export type LastApplied = { readonly version: number; readonly tags: readonly string[] };

/** What one state changes: in which feeds the post is new, in which it stays, and which it leaves. */
export type Projection = {
  readonly added: readonly string[];
  readonly kept: readonly string[];
  readonly removed: readonly string[];
  readonly document: PostDocument;
};

/** A post in the read model. A deleted one is a tombstone: only its version is left. */
export type PostDocument = {
  readonly id: string;
  readonly version: number;
  readonly tags: readonly string[];
  readonly post: Post | null;
};

/**
 * The step of the projection, shared by all adapters. The difference is taken from what was last applied, never
 * from an event's idea of the post before it, so order and number of arrivals don't matter (docs/architecture.md, invariant 2).
 */
export function project(lastApplied: LastApplied | undefined, state: PostState): Projection | 'stale' {
  if (lastApplied !== undefined && state.version <= lastApplied.version) return 'stale';
  const before = new Set(lastApplied?.tags);
  const tags = state.deleted ? [] : [...new Set(state.post.tags)];
  const now = new Set(tags);
  return {
    added: tags.filter((tag) => !before.has(tag)),
    kept: tags.filter((tag) => before.has(tag)),
    removed: [...before].filter((tag) => !now.has(tag)),
    document: { id: state.post.id, version: state.version, tags, post: state.deleted ? null : state.post },
  };
}

/** Every stream that a projection changes but the list's: the post's own, and those of all its feeds. */
export function streamsOf({ added, kept, removed, document }: Projection): StreamName[] {
  return [postStream(document.id), ...[...added, ...kept, ...removed].map(feedStream)];
}

/**
 * When a projection happened in the feeds. A deletion's time is not known, so it is `now`; all others are the
 * post's own, so a rebuild finds the same times.
 */
export function activityAt({ document: { post } }: Projection, now: Date): string {
  return post === null ? now.toISOString() : (post.editedAt ?? post.createdAt);
}

/** The state of a post as the write model has it. */
export function stateOf({ deleted, ...post }: StoredPost): PostState {
  return { post, version: post.version, deleted };
}

/**
 * Where a counter of versions starts: at the microseconds of the day and year, so that it is beyond any version
 * of the same stream in a read model that was made before (no stream changes a million times a second).
 */
export function firstVersion(now: Date): number {
  return now.getTime() * 1000;
}

/** Changes per stream that are remembered, for clients that come back. */
export const REMEMBERED_CHANGES = 128;
