import type { FeedPage } from '../../../contract/feed.ts';
import { foldPosts } from '../../../contract/fold.ts';
import { isBelow, newestFirst, type Place } from '../../../contract/order.ts';
import type { Post } from '../../../contract/post.ts';
import type { FeedChange } from '../../../contract/streams.ts';

/**
 * A feed as one window has it: everything from the newest post down to `floor`, without a hole. The stream tells
 * of the first page and of every change; older pages come by request and may be older or newer than the stream.
 */
export type FeedView = {
  readonly name: string;
  /** The stream's version; `undefined` before the first snapshot. */
  readonly version: number | undefined;
  readonly total: number;
  /** Newest first. */
  readonly posts: readonly Post[];
  /** Came while `hold` was set: what the "N new" pill counts. Newest first, at most {@link MAX_FRESH}. */
  readonly fresh: readonly Post[];
  /** How many more came than `fresh` can hold; to show those, the first page is read again. */
  readonly missed: number;
  /** Cursor of the page below `floor`; `null` when everything is loaded. */
  readonly next: string | null;
  /** The lowest loaded place; `undefined` when everything is loaded. Stays when the post there leaves. */
  readonly floor: Place | undefined;
  /** What the stream said lately, by post id (`null`: left). It wins over a page that was read before. */
  readonly lately: ReadonlyMap<string, Post | null>;
  /** Counts snapshots. A page that was asked for before a snapshot is not taken after it. */
  readonly generation: number;
  /** After a later snapshot, pages below the first one may have missed changes: read them again from here. */
  readonly staleFrom: { readonly cursor: string; readonly place: Place } | undefined;
};

/** With `hold`, new posts wait in `fresh`, so that nothing moves what somebody reads. */
export type Hold = { readonly hold: boolean };

/** Posts that wait behind the pill, at most; beyond that they are only counted, so that memory stays bounded. */
export const MAX_FRESH = 500;

/** Ids in `lately`, at most. Pages are asked for and answered within fewer changes than that. */
const MAX_LATELY = 1000;

export function emptyFeed(name: string): FeedView {
  return {
    name,
    version: undefined,
    total: 0,
    posts: [],
    fresh: [],
    missed: 0,
    next: null,
    floor: undefined,
    lately: new Map(),
    generation: 0,
    staleFrom: undefined,
  };
}

/**
 * Takes a snapshot: the truth from the newest post to the end of its page. With nothing to hold still, that is
 * all there is to show. Else what is being read stays where it is, and pages below the first one are stale.
 */
export function feedSnapshot(view: FeedView, version: number, page: FeedPage, { hold }: Hold): FeedView {
  const bottom = page.next === null ? undefined : page.posts.at(-1);
  const isReset = view.version === undefined || version < view.version;
  const base: FeedView = {
    ...view,
    version,
    total: page.total,
    generation: view.generation + 1,
    lately: new Map(),
    staleFrom: undefined,
  };
  if (isReset || !hold || view.posts.length === 0) {
    return { ...base, posts: page.posts, fresh: [], missed: 0, next: page.next, floor: bottom };
  }
  const posts = newerOf(page.posts, view.posts);
  if (bottom === undefined || page.next === null) {
    return withArrivals({ ...base, next: null, floor: undefined }, posts, view);
  }
  const below = view.posts.filter((post) => newestFirst(post, bottom) > 0);
  if (below.length === view.posts.length) {
    // More came than one page holds: what lies between is not known, and is read when it is asked for.
    return { ...base, fresh: [], missed: view.missed + Math.max(page.posts.length, page.total - view.total) };
  }
  const reaches = below.length > 0;
  return withArrivals(
    reaches
      ? { ...base, staleFrom: { cursor: page.next, place: bottom } }
      : { ...base, next: page.next, floor: bottom },
    [...posts, ...below],
    view,
  );
}

/** Takes a change of the stream. One that is not newer than the view is a no-op. */
export function feedChange(view: FeedView, version: number, change: FeedChange, { hold }: Hold): FeedView {
  if (view.version === undefined || version <= view.version) return view;
  const shown = new Map(view.posts.map((post) => [post.id, post]));
  const waiting = new Map(view.fresh.map((post) => [post.id, post]));
  const lately = new Map(view.lately);
  const { remove } = change;
  const put: { shown: Post[]; waiting: Post[] } = { shown: [], waiting: [] };
  let room = MAX_FRESH - view.fresh.length;
  let missed = view.missed;

  for (const id of remove) remember(lately, id, null);
  for (const post of change.put) {
    const known = shown.get(post.id) ?? waiting.get(post.id);
    if (known !== undefined && known.version >= post.version) continue;
    remember(lately, post.id, post);
    if (shown.has(post.id) || (!hold && !waiting.has(post.id))) put.shown.push(post);
    else if (waiting.has(post.id)) put.waiting.push(post);
    else if (isBelow(post, view.floor)) continue;
    else if (room-- > 0) put.waiting.push(post);
    else if (!view.lately.get(post.id)) missed += 1;
  }
  return {
    ...view,
    version,
    total: change.total,
    posts: foldPosts(view.posts, { put: put.shown, remove }, view.floor),
    fresh: foldPosts(view.fresh, { put: put.waiting, remove }, view.floor),
    missed,
    lately,
  };
}

/**
 * Takes a page that was read below `after` (from the top when that is undefined). The page is the truth of its
 * stretch, but for what the stream said lately. `generation` is the view's when the page was asked for.
 */
export function feedOlderPage(
  view: FeedView,
  page: FeedPage,
  after: Place | undefined,
  generation: number,
  { hold }: Hold,
): FeedView {
  if (view.version === undefined || generation !== view.generation) return view;
  const bottom = page.next === null ? undefined : page.posts.at(-1);
  if (page.next !== null && bottom === undefined) return view;
  const isInside = (place: Place) =>
    (after === undefined || newestFirst(place, after) > 0) && (bottom === undefined || newestFirst(place, bottom) <= 0);

  const told = [...view.lately.values()].filter((post): post is Post => post !== null && isInside(post));
  const found = new Map(newerOf(page.posts, told).map((post) => [post.id, post]));
  for (const post of told) if (!found.has(post.id)) found.set(post.id, post);
  for (const post of view.fresh) found.delete(post.id);
  for (const id of [...found.keys()]) if (view.lately.get(id) === null) found.delete(id);

  const posts = new Map(view.posts.filter((post) => !isInside(post)).map((post) => [post.id, post]));
  const seen = new Set(view.posts.map((post) => post.id));
  const fresh = [...view.fresh];
  for (const post of found.values()) {
    const isNew = !seen.has(post.id) && !isBelow(post, view.floor);
    if (hold && isNew) fresh.push(post);
    else posts.set(post.id, post);
  }
  const isLowest = view.floor !== undefined && (bottom === undefined || newestFirst(bottom, view.floor) >= 0);
  const continuesStale = view.staleFrom !== undefined && after?.id === view.staleFrom.place.id;
  return {
    ...view,
    posts: inOrder(posts.values()),
    fresh: inOrder(fresh),
    ...(isLowest && { next: page.next, floor: bottom }),
    ...(continuesStale && {
      staleFrom: isLowest || page.next === null || !bottom ? undefined : { cursor: page.next, place: bottom },
    }),
  };
}

/** Lets in what waited behind the pill. Where posts were only counted (`missed`), use {@link feedRestart}. */
export function feedFlush(view: FeedView): FeedView {
  if (view.fresh.length === 0) return view;
  return { ...view, posts: inOrder([...view.posts, ...view.fresh]), fresh: [] };
}

/**
 * Begins again with a first page that was read just now: lets in all that waited, and lets go of older pages.
 * This is how a feed that has been open for days gives memory back.
 */
export function feedRestart(view: FeedView, page: FeedPage, generation: number): FeedView {
  if (view.version === undefined || generation !== view.generation) return view;
  const bottom = page.next === null ? undefined : page.posts.at(-1);
  const empty: FeedView = {
    ...view,
    posts: [],
    fresh: [],
    missed: 0,
    floor: undefined,
    staleFrom: undefined,
  };
  return { ...feedOlderPage(empty, page, undefined, generation, { hold: false }), next: page.next, floor: bottom };
}

/** How many posts wait behind the pill. */
export const waitingPosts = (view: FeedView): number => view.fresh.length + view.missed;

/** `posts`, of which those that `before` did not show wait behind the pill. */
function withArrivals(base: FeedView, posts: readonly Post[], before: FeedView): FeedView {
  const seen = new Set(before.posts.map((post) => post.id));
  const arrived = posts.filter((post) => !seen.has(post.id));
  return {
    ...base,
    posts: posts.filter((post) => seen.has(post.id)),
    fresh: arrived.slice(0, MAX_FRESH),
    missed: before.missed + Math.max(0, arrived.length - MAX_FRESH),
  };
}

/** `posts`, each in the newer version of the two. */
function newerOf(posts: readonly Post[], others: readonly Post[]): Post[] {
  const known = new Map(others.map((post) => [post.id, post]));
  return posts.map((post) => {
    const other = known.get(post.id);
    return other !== undefined && other.version > post.version ? other : post;
  });
}

function inOrder(posts: Iterable<Post>): Post[] {
  return [...posts].sort(newestFirst);
}

function remember(lately: Map<string, Post | null>, id: string, post: Post | null): void {
  lately.delete(id);
  lately.set(id, post);
  if (lately.size > MAX_LATELY) lately.delete(lately.keys().next().value as string);
}
