import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Post } from '../../contract/post.ts';
import type { PostStore } from '../posts/post-store.ts';
import { openSqlitePosts } from '../posts/sqlite-post-store.ts';
import { stateOf } from './projection.ts';
import type { ReadModelPlace } from './read-model.contract.ts';
import { dumpOf, expectedDump, written } from './read-model.fixtures.ts';
import type { ReadModel } from './read-model.ts';
import { rebuild } from './rebuild.ts';
import { describeDifference, verify, type Difference } from './verify.ts';

/** What `rebuild` and `verify` promise on every adapter. */
export function rebuildContract(name: string, newPlace: () => Promise<ReadModelPlace>): void {
  describe(`${name} read model beside the write model`, () => {
    let place: ReadModelPlace;
    let readModel: ReadModel;
    let store: PostStore;
    let closeStore: () => Promise<void>;

    beforeEach(async () => {
      place = await newPlace();
      readModel = await place.open(() => new Date());
      const posts = openSqlitePosts({ path: ':memory:', logger: pino({ level: 'silent' }) });
      store = posts.store;
      closeStore = posts.close;
    });
    afterEach(async () => {
      await place.dispose();
      await closeStore();
    });

    const create = async (content: string) => {
      const result = await store.create({ title: '', content, author: 'Ada' });
      if (result.kind === 'key-reused') throw new Error('no key was given');
      return result.post;
    };
    const allStates = async () => (await store.page(undefined, 10_000)).map(stateOf);
    const stateNow = async (id: string) => {
      const state = (await allStates()).find(({ post }) => post.id === id);
      if (state === undefined) throw new Error(`no post ${id}`);
      return state;
    };
    const project = async (...ids: string[]) => readModel.apply(await Promise.all(ids.map(stateNow)));
    const expectTruth = async () => expect(await dumpOf(readModel)).toEqual(expectedDump(await allStates()));

    /** Posts in two feeds, an edited and a deleted one among them, all of them projected. */
    async function someHistory(): Promise<Post[]> {
      const posts = [];
      for (const content of ['one #x', 'two #x #y', 'three #y', 'four', 'five #z #发布会'])
        posts.push(await create(content));
      const [, second, third] = posts as [Post, Post, Post];
      await store.update(second.id, { content: 'two #y #new' });
      await store.delete(third.id);
      await readModel.apply(await allStates());
      return posts;
    }

    /** Wrong in every way that the contract of the read model allows to make. */
    async function damage([first, second, third, fourth, fifth]: Post[]): Promise<void> {
      if (!first || !second || !third || !fourth || !fifth) throw new Error('needs five posts');
      await readModel.forget(first.id);
      await readModel.forget(second.id);
      await readModel.apply([{ post: second, version: 1, deleted: false }]);
      await readModel.forget(third.id);
      await readModel.apply([{ post: third, version: 2, deleted: false }]);
      await readModel.apply([{ post: { ...fourth, version: 9 }, version: 9, deleted: false }]);
      await readModel.forget(fifth.id);
      await readModel.apply([
        { post: { ...fifth, content: 'other', tags: ['z', 'other'] }, version: 1, deleted: false },
      ]);
      await readModel.apply([written('unknown', ['x'])]);
      await place.miscount('z', 5);
    }

    describe('rebuild', () => {
      it('fills an empty read model', async () => {
        await someHistory();
        await place.wipe();
        readModel = await place.open(() => new Date());
        const told: number[][] = [];
        const progress = (...numbers: number[]) => told.push(numbers);
        const result = await rebuild({ store, readModel, batchSize: 2, progress });
        await expectTruth();
        expect(result).toMatchObject({ posts: 5, applied: 5, mended: 0, recounted: [] });
        expect(told).toEqual([
          [2, 5],
          [4, 5],
          [5, 5],
        ]);
      });

      it('marks the read model as complete when it has gone through to its end, and not before', async () => {
        await someHistory();
        const killed = new AbortController();
        const progress = () => killed.abort(new Error('killed'));
        await expect(rebuild({ store, readModel, batchSize: 2, progress, signal: killed.signal })).rejects.toThrow(
          'killed',
        );
        expect(await readModel.isComplete()).toBe(false);

        await rebuild({ store, readModel });
        expect(await readModel.isComplete()).toBe(true);
      });

      it('leaves alone what is right', async () => {
        await someHistory();
        const before = [await readModel.feedSnapshot('y'), await readModel.feedsSnapshot()];
        const changed: string[] = [];
        const result = await rebuild({ store, readModel, onChanged: async (streams) => void changed.push(...streams) });
        expect([await readModel.feedSnapshot('y'), await readModel.feedsSnapshot()]).toEqual(before);
        expect(result).toEqual({ posts: 5, applied: 0, mended: 0, recounted: [] });
        expect(changed).toEqual([]);
      });

      it.each([1, 2, 3, 100])(
        'mends whatever is wrong, in stretches of %i, and names the streams',
        async (batchSize) => {
          await damage(await someHistory());
          const changed = new Set<string>();
          const onChanged = async (streams: readonly string[]) => streams.forEach((stream) => changed.add(stream));
          const { mended, recounted } = await rebuild({ store, readModel, batchSize, onChanged });
          await expectTruth();
          expect(mended).toBe(4);
          expect(recounted).toEqual(['z']);
          expect(changed).toEqual(
            new Set([...changed, 'feeds', 'feed:x', 'feed:y', 'feed:new', 'feed:z', 'feed:other', 'post:unknown']),
          );
        },
      );

      it('is right while posts are written, edited and deleted, and their events are applied at once', async () => {
        const posts = await someHistory();
        await damage(posts);
        let calls = 0;
        const live: PostStore = {
          ...store,
          // After each page that rebuild has read, and before it does anything with it, others go on.
          page: async (after, limit) => {
            const page = await store.page(after, limit);
            calls++;
            const born = await create(`born #x #y ${calls}`);
            for (const { id, deleted, version } of page) {
              if (deleted) continue;
              if (version > 2) await store.delete(id);
              else await store.update(id, { content: `edited ${calls} #x #t${calls % 3}` });
              await project(id);
            }
            if (calls > 12) return page;
            await project(born.id);
            return page;
          },
        };
        await rebuild({ store: live, readModel, batchSize: 2 });
        // Those whose events are still under way when it ends.
        await readModel.apply((await allStates()).slice(5 + 12));
        await expectTruth();
        expect(calls).toBeGreaterThan(3);
      });

      it('may run twice at once', async () => {
        await damage(await someHistory());
        const other = await place.open(() => new Date());
        await Promise.all([
          rebuild({ store, readModel, batchSize: 1 }),
          rebuild({ store, readModel: other, batchSize: 2 }),
        ]);
        await rebuild({ store, readModel });
        await expectTruth();
      });

      it('ends at once when it is told to', async () => {
        await someHistory();
        const signal = AbortSignal.abort(new Error('enough'));
        await expect(rebuild({ store, readModel, signal })).rejects.toThrow('enough');
      });
    });

    describe('verify', () => {
      const graceMs = 1;
      async function differences(
        options: { store?: PostStore; readModel?: ReadModel; graceMs?: number } = {},
      ): Promise<Difference[]> {
        const found: Difference[] = [];
        for await (const each of verify({ store, readModel, graceMs, batchSize: 2, ...options })) found.push(each);
        return found;
      }

      it('finds nothing where nothing is wrong', async () => {
        await someHistory();
        expect(await differences()).toEqual([]);
      });

      it('finds everything that is wrong, until a rebuild has mended it', async () => {
        const posts = await someHistory();
        await damage(posts);
        const [first, second, third, fourth, fifth] = posts.map(({ id }) => id);
        const found = await differences();
        const byPost = found.flatMap((each) => (each.kind === 'post' ? [[each.id, each.how]] : []));
        expect(Object.fromEntries(byPost)).toEqual({
          [String(first)]: 'missing',
          [String(second)]: 'stale',
          [String(third)]: 'different',
          [String(fourth)]: 'ahead',
          [String(fifth)]: 'different',
          unknown: 'unknown',
        });
        expect(found).toContainEqual({ kind: 'feed-count', feed: 'z', count: 6, posts: 1 });
        for (const each of found) expect(describeDifference(each)).toMatch(/^(post|feed) /);
        await rebuild({ store, readModel });
        expect(await differences()).toEqual([]);
      });

      it.each([
        ['a count that is too high', 1, { kind: 'feed-count', feed: 'y', count: 2, posts: 1 }],
        ['a count that is too low', -1, { kind: 'feed-count', feed: 'y', count: 0, posts: 1 }],
      ])('finds %s', async (_, by, difference) => {
        await someHistory();
        await place.miscount('y', by);
        expect(await differences()).toContainEqual(difference);
      });

      it('finds a post that lacks in a feed, or is in one too many', async () => {
        const [, , , , fifth] = (await someHistory()) as [Post, Post, Post, Post, Post];
        await readModel.forget(fifth.id);
        await readModel.apply([{ post: { ...fifth, tags: ['z', 'w'] }, version: 1, deleted: false }]);
        const found = await differences();
        expect(found).toContainEqual({ kind: 'feed-missing-post', feed: '发布会', id: fifth.id });
        expect(found).toContainEqual({ kind: 'feed-extra-post', feed: 'w', id: fifth.id });
      });

      it('does not take for wrong what arrives within the grace period', async () => {
        await someHistory();
        const late = await create('late #x #late');
        const arriving: ReadModel = {
          ...readModel,
          // The second look at the post, and at feeds, comes after the event.
          postSnapshot: async (id) => {
            await project(late.id);
            return readModel.postSnapshot(id);
          },
        };
        expect(await differences({ readModel: arriving })).toEqual([]);
      });

      it('raises no false alarm while posts are written and projected', async () => {
        await someHistory();
        let writing = true;
        const write = async () => {
          for (let n = 0; writing; n++) {
            const post = await create(`live ${n} #x #t${n % 3}`);
            await project(post.id);
            await store.update(post.id, { content: `live ${n} #y #t${n % 2}` });
            await project(post.id);
            if (n % 3 === 0) {
              await store.delete(post.id);
              await project(post.id);
            }
          }
        };
        const writer = write();
        const patiently = { graceMs: 500 };
        const found = [...(await differences(patiently)), ...(await differences(patiently))];
        writing = false;
        await writer;
        expect(found).toEqual([]);
      });
    });
  });
}
