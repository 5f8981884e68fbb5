import { z } from 'zod';

/*
 * What the projector tells after the read model has changed. The key of each message is the name of the stream
 * that changed (contract/streams.ts), so a process hears only of streams that somebody there watches.
 */

/** Key `feed:<name>`: this feed changed. */
export const FeedUpdated = z.object({ name: z.string(), occurredAt: z.string() });
export type FeedUpdated = z.infer<typeof FeedUpdated>;

/** Key `feeds`: these feeds changed, so the list did. */
export const FeedListUpdated = z.object({ names: z.array(z.string()), occurredAt: z.string() });
export type FeedListUpdated = z.infer<typeof FeedListUpdated>;

/** Key `post:<id>`: the read model has a new version of this post. */
export const PostProjected = z.object({ id: z.string(), occurredAt: z.string() });
export type PostProjected = z.infer<typeof PostProjected>;

export const TOPICS = { feedsUpdated: 'feeds.updated', postsProjected: 'posts.projected' } as const;
