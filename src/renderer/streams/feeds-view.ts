import type { FeedList, FeedSummary } from '../../../contract/feed.ts';
import { foldFeeds } from '../../../contract/fold.ts';
import { mostActiveFirst } from '../../../contract/order.ts';
import type { FeedsChange } from '../../../contract/streams.ts';

/** The list of feeds as one window has it, most recently active first. */
export type FeedsView = {
  /** The stream's version; `undefined` before the first snapshot. */
  readonly version: number | undefined;
  readonly feeds: readonly FeedSummary[];
  /** Cursor for feeds that were active earlier than all of these; `null` when there are none. */
  readonly next: string | null;
};

export const NO_FEEDS: FeedsView = { version: undefined, feeds: [], next: null };

export function feedsSnapshot(version: number, list: FeedList): FeedsView {
  return { version, feeds: [...list.feeds].sort(mostActiveFirst), next: list.next };
}

/** Takes a change of the stream. One that is not newer than the view is a no-op. */
export function feedsChange(view: FeedsView, version: number, change: FeedsChange): FeedsView {
  if (view.version === undefined || version <= view.version) return view;
  return { ...view, version, feeds: foldFeeds(view.feeds, change) };
}

/** Adds a page of earlier feeds; those that are known already are known better. */
export function feedsOlderPage(view: FeedsView, page: FeedList): FeedsView {
  const known = new Set(view.feeds.map((feed) => feed.name));
  const older = page.feeds.filter((feed) => !known.has(feed.name));
  return { ...view, feeds: [...view.feeds, ...older].sort(mostActiveFirst), next: page.next };
}
