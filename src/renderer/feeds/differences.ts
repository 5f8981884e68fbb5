import type { FeedView } from '../streams/feed-view.ts';

/** How many posts came, changed or left between what is shown and what is true, pages below not counted. */
export function differences(shown: FeedView, present: FeedView): number {
  const before = new Map([...shown.posts, ...shown.fresh].map((post) => [post.id, post.version]));
  let count = present.missed - shown.missed;
  let kept = 0;
  for (const post of [...present.posts, ...present.fresh]) {
    const version = before.get(post.id);
    if (version === undefined) count += 1;
    else kept += 1;
    if (version !== undefined && version !== post.version) count += 1;
  }
  return Math.max(0, count + before.size - kept);
}
