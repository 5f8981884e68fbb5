import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FeedPage } from '../../../contract/feed.ts';
import { newestFirst } from '../../../contract/order.ts';
import type { Post } from '../../../contract/post.ts';
import type { FeedChange } from '../../../contract/streams.ts';
import {
  emptyFeed,
  feedChange,
  feedFlush,
  feedOlderPage,
  feedRestart,
  feedSnapshot,
  type FeedView,
  MAX_FRESH,
  waitingPosts,
} from './feed-view.ts';

const FLOW = { hold: false };
const HOLD = { hold: true };

/** A post that was written at second `at`. */
const post = (at: number, over: Partial<Post> = {}): Post => ({
  id: `p${String(at).padStart(5, '0')}`,
  version: 1,
  title: `Post ${at}`,
  content: '#x',
  author: 'Ada',
  tags: ['x'],
  createdAt: new Date(at * 1000).toISOString(),
  editedAt: null,
  ...over,
});
const page = (posts: Post[], next: string | null = null, total = posts.length): FeedPage => ({
  name: 'x',
  total,
  posts,
  next,
});
const change = (over: Partial<FeedChange>): FeedChange => ({ total: 0, put: [], remove: [], ...over });
const times = (view: FeedView) => view.posts.map((shown) => Number(shown.id.slice(1)));
const opened = (posts: Post[], next: string | null = null) => feedSnapshot(emptyFeed('x'), 1, page(posts, next), FLOW);

describe('a feed that is read at the top', () => {
  it('shows new posts at once, newest first', () => {
    const view = feedChange(opened([post(2), post(1)]), 2, change({ put: [post(3)], total: 3 }), FLOW);
    expect(times(view)).toEqual([3, 2, 1]);
    expect(view.total).toBe(3);
  });

  it('takes a change that it knows already, or that is late, for a no-op', () => {
    const view = opened([post(1)]);
    expect(feedChange(view, 1, change({ remove: [post(1).id] }), FLOW)).toBe(view);
  });

  it('keeps the newer text of a post, whatever comes last', () => {
    const edited = post(1, { version: 3, title: 'Newest' });
    let view = feedChange(opened([post(1)]), 2, change({ put: [edited], total: 1 }), FLOW);
    view = feedChange(view, 3, change({ put: [post(1, { version: 2, title: 'Late' })], total: 1 }), FLOW);
    expect(view.posts[0]?.title).toBe('Newest');
  });

  it('begins anew with a snapshot of a lower version: the server lost its read model', () => {
    const view = feedSnapshot(opened([post(2), post(1)]), 0, page([post(1)]), FLOW);
    expect(times(view)).toEqual([1]);
  });
});

describe('a feed that is read further down', () => {
  const reading = () => opened([post(3), post(2), post(1)]);

  it('lets new posts wait, and counts them', () => {
    const view = feedChange(reading(), 2, change({ put: [post(4), post(5)], total: 5 }), HOLD);
    expect(times(view)).toEqual([3, 2, 1]);
    expect(waitingPosts(view)).toBe(2);
    expect(times(feedFlush(view))).toEqual([5, 4, 3, 2, 1]);
  });

  it('shows edits and removals of what is on screen', () => {
    const edit = change({ put: [post(2, { version: 2, title: 'Edited' })], remove: [post(3).id], total: 2 });
    const view = feedChange(reading(), 2, edit, HOLD);
    expect(view.posts.map(({ title }) => title)).toEqual(['Edited', 'Post 1']);
  });

  it('does not count a post that left again', () => {
    let view = feedChange(reading(), 2, change({ put: [post(4)], total: 4 }), HOLD);
    view = feedChange(view, 3, change({ remove: [post(4).id], total: 3 }), HOLD);
    expect(waitingPosts(view)).toBe(0);
  });

  it('holds a bounded number of posts, but counts all', () => {
    let view = reading();
    for (let at = 10; at < 10 + MAX_FRESH + 5; at += 1) {
      view = feedChange(view, at, change({ put: [post(at)], total: at }), HOLD);
    }
    expect(view.fresh.length).toBe(MAX_FRESH);
    expect(waitingPosts(view)).toBe(MAX_FRESH + 5);
    const restarted = feedRestart(view, page([post(600), post(599)], 'c', 600), view.generation);
    expect(times(restarted)).toEqual([600, 599]);
    expect(waitingPosts(restarted)).toBe(0);
  });

  it('keeps what is read when a snapshot comes after an interruption', () => {
    const view = feedSnapshot(opened([post(3), post(2), post(1)]), 9, page([post(4), post(3), post(2)], 'c', 5), HOLD);
    expect(times(view)).toEqual([3, 2, 1]);
    expect(waitingPosts(view)).toBe(1);
    expect(view.staleFrom).toEqual({ cursor: 'c', place: post(2) });
  });

  it('keeps what is read when more came than a page holds', () => {
    const view = feedSnapshot(opened([post(2), post(1)]), 9, page([post(9), post(8)], 'c', 9), HOLD);
    expect(times(view)).toEqual([2, 1]);
    expect(waitingPosts(view)).toBe(7);
  });
});

describe('older pages', () => {
  it('are added below', () => {
    const view = opened([post(4), post(3)], 'c');
    const older = feedOlderPage(view, page([post(2), post(1)]), view.floor, view.generation, FLOW);
    expect(times(older)).toEqual([4, 3, 2, 1]);
    expect(older.next).toBeNull();
  });

  it('do not bring back what the stream removed, nor old text, while they were on their way', () => {
    const view = opened([post(4), post(3)], 'c');
    const { floor, generation } = view;
    const now = feedChange(
      view,
      2,
      change({ put: [post(2, { version: 2, title: 'Edited' })], remove: [post(1).id], total: 3 }),
      FLOW,
    );
    const older = feedOlderPage(now, page([post(2), post(1)]), floor, generation, FLOW);
    expect(older.posts.map(({ title }) => title)).toEqual(['Post 4', 'Post 3', 'Edited']);
  });

  it('are not taken when a snapshot came meanwhile', () => {
    const view = opened([post(4), post(3)], 'c');
    const later = feedSnapshot(view, 2, page([post(9), post(8)], 'd'), FLOW);
    expect(feedOlderPage(later, page([post(2)]), view.floor, view.generation, FLOW)).toBe(later);
  });

  it('leave a post for its own page when it belongs below all that is loaded', () => {
    const view = opened([post(4), post(3)], 'c');
    const now = feedChange(view, 2, change({ put: [post(1, { version: 2 })], total: 4 }), FLOW);
    expect(times(now)).toEqual([4, 3]);
  });
});

describe('whatever happens', () => {
  /** A server with one feed, whose changes and pages reach the client whenever it pleases the schedule. */
  const steps = fc.array(
    fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('put' as const), at: fc.integer({ min: 1, max: 40 }) }) },
      {
        weight: 2,
        arbitrary: fc.record({ kind: fc.constant('remove' as const), at: fc.integer({ min: 1, max: 40 }) }),
      },
      {
        weight: 6,
        arbitrary: fc.record({ kind: fc.constantFrom('deliver' as const, 'ask' as const, 'answer' as const) }),
      },
      fc.record({ kind: fc.constantFrom('snapshot' as const, 'flush' as const) }),
      fc.record({ kind: fc.constant('hold' as const), hold: fc.boolean() }),
    ),
    { minLength: 10, maxLength: 80, size: 'max' },
  );
  const SIZE = 5;

  it('ends as the server has it, once everything has been delivered, read and let in', () => {
    fc.assert(
      fc.property(steps, (schedule) => {
        const server = new Map([5, 8, 11, 14, 17, 20, 23, 26, 29, 32, 35].map((at) => [post(at).id, post(at)]));
        let version = 1;
        const stored = () => [...server.values()].sort(newestFirst);
        const readPage = (after?: string): FeedPage => {
          const below = stored().filter((one) => after === undefined || newestFirst(one, byId(after)) > 0);
          const posts = below.slice(0, SIZE);
          return page(posts, below.length > SIZE ? (posts.at(-1)?.id ?? null) : null, server.size);
        };
        const byId = (id: string) => post(Number(id.slice(1)));
        const versions = new Map([...server.keys()].map((id) => [id, 1]));
        let pending: { version: number; change: FeedChange }[] = [];
        let asked: { page: FeedPage; floor: FeedView['floor']; generation: number } | undefined;
        let hold = false;
        let view = feedSnapshot(emptyFeed('x'), version, readPage(), FLOW);
        const deliver = () => {
          for (const one of pending) view = feedChange(view, one.version, one.change, { hold });
          pending = [];
        };
        for (const step of schedule) {
          if (step.kind === 'put' || step.kind === 'remove') {
            const id = post(step.at).id;
            versions.set(id, (versions.get(id) ?? 0) + 1);
            const put = post(step.at, { version: versions.get(id) ?? 1 });
            if (step.kind === 'put') server.set(id, put);
            else server.delete(id);
            version += 1;
            const total = server.size;
            pending.push({
              version,
              change: step.kind === 'put' ? change({ put: [put], total }) : change({ remove: [id], total }),
            });
          } else if (step.kind === 'deliver') deliver();
          else if (step.kind === 'snapshot') {
            pending = [];
            view = feedSnapshot(view, version, readPage(), { hold });
          } else if (step.kind === 'ask' && view.next !== null) {
            asked = { page: readPage(view.next), floor: view.floor, generation: view.generation };
          } else if (step.kind === 'answer' && asked !== undefined) {
            // As the app asks for one page at a time, the answer is to the present floor or to an older generation.
            view = feedOlderPage(view, asked.page, asked.floor, asked.generation, { hold });
            asked = undefined;
          } else if (step.kind === 'hold') hold = step.hold;
          else if (step.kind === 'flush') view = feedFlush(view);
          const ids = [...view.posts, ...view.fresh].map(({ id }) => id);
          expect(new Set(ids).size).toBe(ids.length);
        }
        deliver();
        while (view.staleFrom !== undefined) {
          const { cursor, place } = view.staleFrom;
          view = feedOlderPage(view, readPage(cursor), place, view.generation, { hold });
        }
        if (view.missed > 0) view = feedRestart(view, readPage(), view.generation);
        while (view.next !== null) view = feedOlderPage(view, readPage(view.next), view.floor, view.generation, FLOW);
        view = feedFlush(view);
        expect(view.posts).toEqual(stored());
        expect(view.total).toBe(view.version === version ? server.size : view.total);
      }),
      { numRuns: 500 },
    );
  });
});
