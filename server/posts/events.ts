import { z } from 'zod';
import { Post } from '../../contract/post.ts';

/*
 * What the write model tells the world. Each event carries the whole post and its version, so that whoever
 * handles it needs neither the order of arrival nor the events before (docs/architecture.md, invariant 2).
 */

export const PostCreated = z.object({ post: Post, occurredAt: z.string() });
export type PostCreated = z.infer<typeof PostCreated>;

export const PostUpdated = z.object({ originalPost: Post, newPost: Post, occurredAt: z.string() });
export type PostUpdated = z.infer<typeof PostUpdated>;

/** `post` is the post as it was; `version` is the version of the deletion, one more than the post's. */
export const PostDeleted = z.object({ post: Post, version: z.int().positive(), occurredAt: z.string() });
export type PostDeleted = z.infer<typeof PostDeleted>;

export const TOPICS = {
  postCreated: 'posts.created',
  postUpdated: 'posts.updated',
  postDeleted: 'posts.deleted',
} as const;
