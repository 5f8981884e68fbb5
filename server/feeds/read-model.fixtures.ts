import { expect } from 'vitest';
import type { FeedList, FeedPage } from '../../contract/feed.ts';
import { foldFeed, foldFeeds } from '../../contract/fold.ts';
import { isBelow, newestFirst } from '../../contract/order.ts';
import type { Post } from '../../contract/post.ts';
import type { PostState, ReadModel, ReadModelDocument, Versioned } from './read-model.ts';

/* Builders and reference behaviour for the tests of this room. */

/** A moment `seconds` after the start of 2026, as posts carry it. */
export function at(seconds: number): string {
  return new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString();
}

export function aPost(id: string, tags: string[], more: Partial<Post> = {}): Post {
  const content = tags.map((tag) => `#${tag}`).join(' ');
  return {
    id,
    version: 1,
    title: `Title of ${id}`,
    content,
    author: 'Ada',
    tags,
    createdAt: at(0),
    editedAt: null,
    ...more,
  };
}

/** The state of a post as it was created or edited. */
export function written(id: string, tags: string[], more: Partial<Post> = {}): PostState {
  const post = aPost(id, tags, more);
  return { post, version: post.version, deleted: false };
}

/** The state of a post after its deletion at `version`; events of it still tell the tags that it had. */
export function deleted(id: string, version: number, tags: string[] = [], more: Partial<Post> = {}): PostState {
  return { post: aPost(id, tags, { ...more, version: Math.max(1, version - 1) }), version, deleted: true };
}

export async function dumpOf(readModel: ReadModel): Promise<ReadModelDocument[]> {
  const documents: ReadModelDocument[] = [];
  for await (const document of readModel.dump()) documents.push(document);
  return documents;
}

/** What the read model is to hold after the newest of these states of each post, by the shortest way to say it. */
export function expectedDump(states: readonly PostState[]): ReadModelDocument[] {
  const newest = new Map<string, PostState>();
  for (const state of states) {
    if (state.version > (newest.get(state.post.id)?.version ?? 0)) newest.set(state.post.id, state);
  }
  const sorted = [...newest.values()].sort((a, b) => (a.post.id < b.post.id ? -1 : 1));
  const posts = sorted.map(({ post, version, deleted }) => {
    return { kind: 'post' as const, id: post.id, version, post: deleted ? null : post };
  });
  const living = sorted.filter((state) => !state.deleted).map(({ post }) => post);
  const names = [...new Set(living.flatMap((post) => post.tags))];
  const feeds = names.map((name) => {
    const ids = living
      .filter((post) => post.tags.includes(name))
      .sort(newestFirst)
      .map(({ id }) => id);
    return { kind: 'feed' as const, name, posts: ids.length, ids };
  });
  return [...posts, ...feeds.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))];
}

/** All posts of a feed, page by page. */
export async function allPosts(readModel: ReadModel, name: string, limit = 500): Promise<Post[]> {
  const posts: Post[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await readModel.feed(name, { limit, cursor });
    posts.push(...page.posts);
    if (page.next === null) return posts;
    cursor = page.next;
  }
}

/** Expects that a client which has `held` gets to the present of its part of the feed by what is told since. */
export async function expectFoldsToPresent(readModel: ReadModel, name: string, held: Versioned<FeedPage>) {
  const changes = await readModel.feedChanges(name, held.version);
  if (changes === undefined) throw new Error(`no changes of ${name} since ${held.version}`);
  const folded = foldFeed(held.state, changes.change);
  const boundary = held.state.next === null ? undefined : held.state.posts.at(-1);
  const present = await allPosts(readModel, name);
  expect(changes).toMatchObject({ from: held.version, version: (await readModel.feedSnapshot(name)).version });
  expect(folded.posts).toEqual(present.filter((post) => !isBelow(post, boundary)));
  expect(folded.total).toBe(present.length);
}

/** Expects that a client which has `held` of the list gets to the present by what is told since. */
export async function expectListFoldsToPresent(readModel: ReadModel, held: Versioned<FeedList>) {
  const changes = await readModel.feedsChanges(held.version);
  if (changes === undefined) throw new Error(`no changes of the list since ${held.version}`);
  const present = await readModel.feedsSnapshot();
  expect(changes).toMatchObject({ from: held.version, version: present.version });
  expect(foldFeeds(held.state.feeds, changes.change)).toEqual(present.state.feeds);
}
