import { z } from 'zod';
import { FeedList, FeedPage, FeedSummary } from './feed.ts';
import { Post } from './post.ts';

/*
 * The live protocol (docs/protocol.md). A stream is a state with a version that only grows. A client gets a
 * `snapshot`, then `change`s, each of which leads from one version to a later one; both are no-ops for
 * a client that already has that version.
 */

/** `feeds`, `feed:<tag>` or `post:<id>`. */
export type StreamName = 'feeds' | `feed:${string}` | `post:${string}`;

/** The state of each kind of stream. A post that does not exist (any more) is `null`. */
export const FeedsState = FeedList;
export const FeedState = FeedPage;
export const PostState = Post.nullable();

/** A change of the list: feeds that changed, as they are now; one with 0 posts leaves the list. */
export const FeedsChange = z.object({ feeds: z.array(FeedSummary) });
export type FeedsChange = z.infer<typeof FeedsChange>;

/** A change of a feed: posts that came or were edited, ids of posts that left, and the new total. */
export const FeedChange = z.object({
  total: z.int().nonnegative(),
  put: z.array(Post),
  remove: z.array(z.string()),
});
export type FeedChange = z.infer<typeof FeedChange>;

/** A change of a post: the post as it is now, or `null` when it was deleted. */
export const PostChange = PostState;

/** `event: snapshot` of `GET /api/live`. */
export const SnapshotEvent = z.object({ stream: z.string(), version: z.int().nonnegative(), state: z.unknown() });
export type SnapshotEvent = z.infer<typeof SnapshotEvent>;

/** `event: change` of `GET /api/live`: applies to exactly the state of version `from`, and makes it `version`. */
export const ChangeEvent = z.object({
  stream: z.string(),
  from: z.int().nonnegative(),
  version: z.int().nonnegative(),
  change: z.unknown(),
});
export type ChangeEvent = z.infer<typeof ChangeEvent>;

/** `event: heartbeat`, without an id, every {@link HEARTBEAT_MS}. Servers of before December 2026 tell `at` alone. */
export const HeartbeatEvent = z.object({
  at: z.string(),
  /** The server's period; how long silence may last follows it. */
  everyMs: z.number().positive().optional(),
  /** For how long the server has had this connection. */
  upMs: z.number().nonnegative().optional(),
  /** How long ago the server looked at these versions, the oldest look of all. */
  ageMs: z.number().nonnegative().optional(),
  /** What was sent on this connection, by stream: without a stream for which the server cannot vouch now. */
  versions: z.record(z.string(), z.int().nonnegative()).optional(),
});
export const HEARTBEAT_MS = 15_000;

/** Silence on a connection, in ms, after which it is dead: 2.5 heartbeats. */
export const SILENCE_MS = 2.5 * HEARTBEAT_MS;

/** Streams that one connection may carry. */
export const MAX_STREAMS = 200;

/** Room, in bytes, for the head of the longest `GET /api/live`: that many streams of 64 characters, 12 bytes each in a URL. */
export const MAX_HEAD_BYTES = 192 * 1024;

export const feedStream = (tag: string): StreamName => `feed:${tag}`;
export const postStream = (id: string): StreamName => `post:${id}`;
