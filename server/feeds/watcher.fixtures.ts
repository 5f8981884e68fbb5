import { expect } from 'vitest';
import type { FeedPage, FeedSummary } from '../../contract/feed.ts';
import type { Post } from '../../contract/post.ts';
import { foldFeed, foldFeeds } from '../../contract/fold.ts';
import type { ReadModel, Versioned } from './read-model.ts';

/** A client that watches streams, and looks at one only when it is told that it changed. */
export type Watcher = {
  tell(stream: string): Promise<void>;
  /** Expects that everything it shows is what is true now. */
  expectPresent(): Promise<void>;
};

export async function watcher(readModel: ReadModel, tags: readonly string[], ids: readonly string[]): Promise<Watcher> {
  const feeds = new Map<string, Versioned<FeedPage>>();
  for (const tag of tags) feeds.set(tag, await readModel.feedSnapshot(tag));
  const posts = new Map<string, Versioned<Post | null>>();
  for (const id of ids) posts.set(id, await readModel.postSnapshot(id));
  const first = await readModel.feedsSnapshot();
  let list = { version: first.version, feeds: first.state.feeds };

  async function feedNow(tag: string, held: Versioned<FeedPage>): Promise<Versioned<FeedPage>> {
    const changes = await readModel.feedChanges(tag, held.version);
    if (changes === undefined) return readModel.feedSnapshot(tag);
    return { version: changes.version, state: foldFeed(held.state, changes.change) };
  }

  async function listNow(held: { version: number; feeds: FeedSummary[] }) {
    const changes = await readModel.feedsChanges(held.version);
    if (changes === undefined) throw new Error('more changes of the list than are remembered');
    return { version: changes.version, feeds: foldFeeds(held.feeds, changes.change) };
  }

  return {
    // Two signals may be under way at once: the one that has read the later version counts.
    tell: async (stream) => {
      if (stream === 'feeds') {
        const now = await listNow(list);
        if (now.version > list.version) list = now;
        return;
      }
      const [kind, name] = [stream.slice(0, stream.indexOf(':')), stream.slice(stream.indexOf(':') + 1)];
      const held = feeds.get(name);
      if (kind === 'feed' && held !== undefined) {
        const now = await feedNow(name, held);
        if (now.version > (feeds.get(name)?.version ?? 0)) feeds.set(name, now);
      }
      if (kind === 'post') {
        const now = await readModel.postSnapshot(name);
        if (now.version > (posts.get(name)?.version ?? 0)) posts.set(name, now);
      }
    },
    expectPresent: async () => {
      for (const [tag, held] of feeds) expect(held).toEqual(await readModel.feedSnapshot(tag));
      for (const [id, held] of posts) expect(held).toEqual(await readModel.postSnapshot(id));
      // The list's version may have been counted up once more than it changed, by one who died before he told of it.
      expect(list.feeds).toEqual((await readModel.feedsSnapshot()).state.feeds);
      expect((await listNow(list)).feeds).toEqual(list.feeds);
    },
  };
}
