import { z } from 'zod';
import { Post } from './post.ts';

/** Posts in the first page of a feed, and in every snapshot of a feed's stream. */
export const FEED_PAGE_SIZE = 50;

/** The most entries that a client may ask for in one page, with `limit`. */
export const MAX_PAGE_SIZE = 200;

/** Feeds in the snapshot of the list's stream, and in a page of `GET /api/feeds`: the most recently active. */
export const FEED_LIST_SIZE = 1000;

/** A row of the list of feeds. `posts` is how many posts the feed holds; one with 0 has left the list. */
export const FeedSummary = z.object({
  name: z.string(),
  posts: z.int().nonnegative(),
  /** When a post of this feed was last created, edited or removed. */
  lastActivity: z.string(),
});
export type FeedSummary = z.infer<typeof FeedSummary>;

/** Answer of `GET /api/feeds`; `next` is the cursor of the following page, `null` on the last. */
export const FeedList = z.object({ feeds: z.array(FeedSummary), next: z.string().nullable() });
export type FeedList = z.infer<typeof FeedList>;

/** Answer of `GET /api/feeds/:name`: a page of posts, newest first, and how many the feed holds in all. */
export const FeedPage = z.object({
  name: z.string(),
  total: z.int().nonnegative(),
  posts: z.array(Post),
  next: z.string().nullable(),
});
export type FeedPage = z.infer<typeof FeedPage>;

/** Answer of `GET /api/search?q=`: posts in which every word of `q` begins a word, newest first. */
export const SearchResult = z.object({ query: z.string(), posts: z.array(Post), next: z.string().nullable() });
export type SearchResult = z.infer<typeof SearchResult>;
