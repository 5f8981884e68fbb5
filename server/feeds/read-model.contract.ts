import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FEED_PAGE_SIZE } from '../../contract/feed.ts';
import { MAX_TAG_LENGTH } from '../../contract/tags.ts';
import { REMEMBERED_CHANGES } from './projection.ts';
import {
  allPosts,
  at,
  deleted,
  dumpOf,
  expectedDump,
  expectFoldsToPresent,
  expectListFoldsToPresent,
  written,
} from './read-model.fixtures.ts';
import { InvalidCursor, ReadModelUnavailable, type ReadModel } from './read-model.ts';

/** One place where a read model is kept, empty at first. */
export type ReadModelPlace = {
  /** Another handle on the same data, as a second process would have it. The place closes it in the end. */
  open(clock: () => Date): Promise<ReadModel>;
  /** Loses all data; handles opened before are not used again. */
  wipe(): Promise<void>;
  /** Makes the stored count of a feed wrong by `by`. */
  miscount(feed: string, by: number): Promise<void>;
  dispose(): Promise<void>;
};

/** What every read model promises; see read-model.ts. */
export function readModelContract(name: string, newPlace: () => Promise<ReadModelPlace>): void {
  describe(`${name} read model`, () => {
    let place: ReadModelPlace;
    let readModel: ReadModel;
    let now: number;
    const clock = () => new Date(now);

    beforeEach(async () => {
      now = Date.UTC(2026, 5, 1);
      place = await newPlace();
      readModel = await place.open(clock);
    });
    afterEach(() => place.dispose());

    const idsOf = async (feed: string) => (await allPosts(readModel, feed)).map(({ id }) => id);
    const countsOf = async () => (await readModel.feeds()).feeds.map(({ name, posts }) => [name, posts]);

    describe('applying states', () => {
      it('puts a post into the feed of each of its tags, newest first', async () => {
        await readModel.apply([
          written('a', ['x', 'y'], { createdAt: at(1) }),
          written('b', ['x'], { createdAt: at(2) }),
        ]);
        expect(await idsOf('x')).toEqual(['b', 'a']);
        expect(await idsOf('y')).toEqual(['a']);
        expect(await readModel.feed('x')).toMatchObject({ name: 'x', total: 2, next: null });
      });

      it('gives back every field of a post', async () => {
        const state = written('a', ['x'], {
          version: 3,
          title: 'Ünïcode 🎉',
          editedAt: at(9),
          author: '$where.{"a":1}',
        });
        await readModel.apply([state]);
        expect(await readModel.post('a')).toEqual(state.post);
        expect((await readModel.feed('x')).posts).toEqual([state.post]);
      });

      it('moves an edited post out of feeds it lost and into new ones, and updates it in those it keeps', async () => {
        await readModel.apply([written('a', ['kept', 'lost'])]);
        await readModel.apply([written('a', ['new', 'kept'], { version: 2, title: 'Edited' })]);
        expect(await idsOf('lost')).toEqual([]);
        expect(await idsOf('new')).toEqual(['a']);
        expect((await readModel.feed('kept')).posts[0]?.title).toBe('Edited');
      });

      it('takes a deleted post out of all feeds and keeps its last version', async () => {
        await readModel.apply([written('a', ['x'])]);
        await readModel.apply([deleted('a', 2, ['x'])]);
        expect(await idsOf('x')).toEqual([]);
        expect(await readModel.post('a')).toBeUndefined();
        expect(await readModel.postSnapshot('a')).toEqual({ version: 2, state: null });
      });

      it('takes a state that is not newer for a no-op, and names its streams all the same', async () => {
        await readModel.apply([written('a', ['x'], { version: 2 })]);
        const before = await readModel.feedSnapshot('x');
        const streams = await readModel.apply([
          written('a', ['y']),
          written('a', ['x'], { version: 2, title: 'Other' }),
        ]);
        expect(await readModel.feedSnapshot('x')).toEqual(before);
        expect(await idsOf('y')).toEqual([]);
        expect(new Set(streams)).toEqual(new Set(['post:a', 'feed:x', 'feed:y', 'feeds']));
      });

      it('names every stream that changed', async () => {
        await readModel.apply([written('a', ['kept', 'lost'])]);
        const streams = await readModel.apply([written('a', ['new', 'kept'], { version: 2 }), written('b', [])]);
        expect(new Set(streams)).toEqual(new Set(['post:a', 'post:b', 'feed:kept', 'feed:lost', 'feed:new', 'feeds']));
      });

      it('keeps a post deleted when its creation arrives late', async () => {
        await readModel.apply([deleted('a', 2, ['x'])]);
        await readModel.apply([written('a', ['x'])]);
        expect(await dumpOf(readModel)).toEqual([{ kind: 'post', id: 'a', version: 2, post: null }]);
      });

      it('takes several states of one post in one batch, in any order, for the newest', async () => {
        const states = [2, 4, 1, 3, 4].map((version) => written('a', [`t${version}`, 'x'], { version }));
        await readModel.apply(states);
        expect(await dumpOf(readModel)).toEqual(expectedDump(states));
      });

      it('counts a tag once that a post names twice', async () => {
        await readModel.apply([written('a', ['x', 'x'])]);
        expect(await countsOf()).toEqual([['x', 1]]);
      });

      it('comes to the same when several processes apply the same and different states at once', async () => {
        const others = await Promise.all([place.open(clock), place.open(clock)]);
        const states = Array.from({ length: 60 }, (_, n) => {
          const version = 5 - Math.floor(n / 12);
          return written(`p${n % 12}`, [`t${n % 5}`, 'all'], { version, createdAt: at(n % 12) });
        });
        const batches = [readModel, ...others].flatMap((each, shift) =>
          [0, 10, 20, 30, 40, 50].map((from) => {
            const begin = (from + shift * 20) % 60;
            return each.apply(states.slice(begin, begin + 10));
          }),
        );
        await Promise.all(batches);
        expect(await dumpOf(readModel)).toEqual(expectedDump(states));
      });

      it('holds any name of a feed', async () => {
        const names = [
          'constructor',
          '__proto__',
          '$where',
          'a.b',
          'tostring',
          '发'.repeat(MAX_TAG_LENGTH),
          'été',
          '0_x',
          '',
        ];
        await readModel.apply(names.map((tag, n) => written(`p${n}`, [tag], { createdAt: at(n) })));
        await readModel.apply(names.map((tag, n) => written(`p${n}`, [tag], { createdAt: at(n), version: 2 })));
        for (const [n, tag] of names.entries()) {
          const { version, state } = await readModel.feedSnapshot(tag);
          expect(state).toMatchObject({ name: tag, total: 1, posts: [{ id: `p${n}`, version: 2 }] });
          expect((await readModel.feedChanges(tag, version - 1))?.change.put).toHaveLength(1);
        }
        expect((await countsOf()).map(([name]) => name).sort()).toEqual([...names].sort());
      });

      it('applies posts with very many tags', async () => {
        const tags = Array.from({ length: 2000 }, (_, n) => `t${n}`);
        await readModel.apply([written('a', tags)]);
        await readModel.apply([written('a', tags.slice(1000), { version: 2 })]);
        expect((await readModel.feeds()).feeds).toHaveLength(1000);
        expect(await readModel.feed('t0')).toMatchObject({ total: 0 });
      });
    });

    describe('pages of a feed', () => {
      it('are empty, at version 0, for a feed that never was', async () => {
        const empty = { name: 'x', total: 0, posts: [], next: null };
        expect(await readModel.feed('x')).toEqual(empty);
        expect(await readModel.feedSnapshot('x')).toEqual({ version: 0, state: empty });
      });

      it('go through 10,000 posts without a gap or a repetition', async () => {
        const ids = Array.from({ length: 10_000 }, (_, n) => `p${String(n).padStart(5, '0')}`);
        for (let from = 0; from < ids.length; from += 1000) {
          await readModel.apply(
            ids.slice(from, from + 1000).map((id, n) => written(id, ['x'], { createdAt: at((from + n) >> 2) })),
          );
        }
        expect(await idsOf('x')).toEqual([...ids].reverse());
        expect(await readModel.feed('x')).toMatchObject({ total: 10_000, posts: { length: FEED_PAGE_SIZE } });
      }, 60_000);

      it('order posts of the same moment by id', async () => {
        await readModel.apply(['b', 'c', 'a'].map((id) => written(id, ['x'])));
        const first = await readModel.feed('x', { limit: 1 });
        const second = await readModel.feed('x', { limit: 1, cursor: first.next ?? '' });
        expect([...first.posts, ...second.posts].map(({ id }) => id)).toEqual(['c', 'b']);
      });

      it('are stable while posts arrive and leave', async () => {
        await readModel.apply([1, 2, 3, 4, 5, 6].map((n) => written(`p${n}`, ['x'], { createdAt: at(n) })));
        const first = await readModel.feed('x', { limit: 3 });
        await readModel.apply([written('p7', ['x'], { createdAt: at(7) }), deleted('p4', 2), deleted('p2', 2)]);
        const second = await readModel.feed('x', { limit: 3, cursor: first.next ?? '' });
        expect(first.posts.map(({ id }) => id)).toEqual(['p6', 'p5', 'p4']);
        expect(second.posts.map(({ id }) => id)).toEqual(['p3', 'p1']);
        expect(second.next).toBeNull();
      });

      it.each([
        '',
        'x',
        '!!!',
        Buffer.from('["feeds","a","b"]').toString('base64url'),
        Buffer.from('[1]').toString('base64url'),
        'é'.repeat(500),
      ])('refuse the cursor %j', async (cursor) => {
        await expect(readModel.feed('x', { cursor })).rejects.toThrow(InvalidCursor);
        await expect(readModel.search('x', { cursor })).rejects.toThrow(InvalidCursor);
      });
    });

    describe('the list of feeds', () => {
      it('counts the posts of each feed, the last active first', async () => {
        await readModel.apply([
          written('a', ['old', 'busy'], { createdAt: at(1) }),
          written('b', ['busy'], { createdAt: at(2) }),
        ]);
        expect((await readModel.feeds()).feeds).toEqual([
          { name: 'busy', posts: 2, lastActivity: at(2) },
          { name: 'old', posts: 1, lastActivity: at(1) },
        ]);
      });

      it('takes an edit and a removal for activity, and never goes back in time', async () => {
        await readModel.apply([
          written('a', ['x', 'y'], { createdAt: at(5) }),
          written('b', ['z'], { createdAt: at(6) }),
        ]);
        await readModel.apply([written('a', ['x'], { createdAt: at(5), version: 2, editedAt: at(7) })]);
        await readModel.apply([written('c', ['x', 'y'], { createdAt: at(1) })]);
        const lastActivity = new Map((await readModel.feeds()).feeds.map((feed) => [feed.name, feed.lastActivity]));
        expect(Object.fromEntries(lastActivity)).toEqual({ x: at(7), y: at(7), z: at(6) });
      });

      it('leaves out empty feeds, which come back with a later version', async () => {
        await readModel.apply([written('a', ['x'])]);
        const { version } = await readModel.feedSnapshot('x');
        await readModel.apply([deleted('a', 2)]);
        expect((await readModel.feeds()).feeds).toEqual([]);
        await readModel.apply([written('b', ['x'])]);
        expect(await countsOf()).toEqual([['x', 1]]);
        expect((await readModel.feedSnapshot('x')).version).toBeGreaterThan(version + 1);
      });

      it('is read in pages', async () => {
        await readModel.apply([1, 2, 3, 4, 5].map((n) => written(`p${n}`, [`t${n}`], { createdAt: at(n >> 1) })));
        const names: string[] = [];
        for (let cursor: string | undefined; ;) {
          const page = await readModel.feeds({ limit: 2, cursor });
          names.push(...page.feeds.map(({ name }) => name));
          if (page.next === null) break;
          cursor = page.next;
        }
        expect(names).toEqual(['t5', 't4', 't3', 't2', 't1']);
      });

      it('is filtered by a part of the name, in any case', async () => {
        await readModel.apply([written('a', ['golang', 'cargo', 'été', 'a.b', 'rust'])]);
        const filtered = async (q: string) => (await readModel.feeds({ q })).feeds.map(({ name }) => name).sort();
        expect(await filtered('GO')).toEqual(['cargo', 'golang']);
        expect(await filtered('#gol')).toEqual(['golang']);
        expect(await filtered('E\u0301T')).toEqual(['été']);
        expect(await filtered('.')).toEqual(['a.b']);
        expect(await filtered('%')).toEqual([]);
        expect(await filtered('')).toHaveLength(5);
      });

      it('refuses the cursor of a feed', async () => {
        await readModel.apply([written('a', ['x']), written('b', ['x'])]);
        const { next } = await readModel.feed('x', { limit: 1 });
        await expect(readModel.feeds({ cursor: next ?? '' })).rejects.toThrow(InvalidCursor);
      });
    });

    describe('changes of a feed', () => {
      it('lead from any remembered version to the present, for any history', async () => {
        const step = fc.record({
          id: fc.constantFrom('a', 'b', 'c', 'd'),
          tags: fc.uniqueArray(fc.constantFrom('x', 'y', 'z')),
          deleted: fc.boolean(),
        });
        let run = 0;
        await fc.assert(
          fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
            run++;
            const [x, y, z] = ['x', 'y', 'z'].map((tag) => `${tag}${run}`) as [string, string, string];
            const rename = (tag: string) => ({ x, y, z })[tag] ?? tag;
            const held = [];
            for (const [n, { id, tags, deleted: gone }] of steps.entries()) {
              held.push(...(await Promise.all([x, y, z].map((name) => readModel.feedSnapshot(name)))));
              const name = `${id}${run}`;
              const more = { version: n + 1, createdAt: at(id.charCodeAt(0)) };
              await readModel.apply([gone ? deleted(name, n + 1, [], more) : written(name, tags.map(rename), more)]);
            }
            for (const each of held) {
              if (each.version > 0) await expectFoldsToPresent(readModel, each.state.name, each);
            }
          }),
          { numRuns: 10 },
        );
      }, 60_000);

      it('are none since the present version', async () => {
        await readModel.apply([written('a', ['x'])]);
        const { version } = await readModel.feedSnapshot('x');
        expect(await readModel.feedChanges('x', version)).toEqual({
          from: version,
          version,
          change: { total: 1, put: [], remove: [] },
        });
        expect(await readModel.feedChanges('never', 0)).toMatchObject({ from: 0, version: 0 });
      });

      it('put what came or was edited, and remove what left', async () => {
        await readModel.apply([written('a', ['x']), written('b', ['x']), written('c', ['x'])]);
        const { version } = await readModel.feedSnapshot('x');
        const edited = written('a', ['x'], { version: 2, title: 'Edited' });
        await readModel.apply([edited, written('b', ['y'], { version: 2 }), deleted('c', 2)]);
        const changes = await readModel.feedChanges('x', version);
        expect(changes?.change).toEqual({ total: 1, put: [edited.post], remove: expect.anything() });
        expect(new Set(changes?.change.remove)).toEqual(new Set(['b', 'c']));
      });

      it('put a post that is older than the first page, for those who have loaded more', async () => {
        await readModel.apply(
          Array.from({ length: FEED_PAGE_SIZE + 5 }, (_, n) => written(`p${n}`, ['x'], { createdAt: at(n) })),
        );
        const held = await readModel.feedSnapshot('x');
        const old = written('p0', ['x'], { createdAt: at(0), version: 2, title: 'Edited' });
        await readModel.apply([old]);
        expect((await readModel.feedChanges('x', held.version))?.change.put).toEqual([old.post]);
        await expectFoldsToPresent(readModel, 'x', held);
      });

      it('are unknown since a version that is too old, or was never there', async () => {
        await readModel.apply([written('a', ['x'])]);
        const { version } = await readModel.feedSnapshot('x');
        for (let n = 2; n <= REMEMBERED_CHANGES + 1; n++) await readModel.apply([written('a', ['x'], { version: n })]);
        expect(await readModel.feedChanges('x', version)).toMatchObject({
          from: version,
          version: version + REMEMBERED_CHANGES,
        });
        await readModel.apply([written('a', ['x'], { version: REMEMBERED_CHANGES + 2 })]);
        expect(await readModel.feedChanges('x', version)).toBeUndefined();
        expect(await readModel.feedChanges('x', version + REMEMBERED_CHANGES + 2)).toBeUndefined();
        expect(await readModel.feedChanges('x', 0)).toBeUndefined();
        expect(await readModel.feedChanges('never', 5)).toBeUndefined();
        for (const odd of [NaN, Infinity, -1, version + 1.5]) {
          expect(await readModel.feedChanges('x', odd)).toBeUndefined();
          expect(await readModel.feedsChanges(odd)).toBeUndefined();
        }
      });
    });

    describe('changes of the list', () => {
      it('lead from any remembered version to the present', async () => {
        const held = [await readModel.feedsSnapshot()];
        for (let n = 1; n <= 20; n++) {
          const state =
            n % 4 === 0
              ? deleted(`p${n % 3}`, n)
              : written(`p${n % 3}`, [`t${n % 5}`, `t${n % 2}`], { version: n, editedAt: at(n) });
          await readModel.apply([state]);
          held.push(await readModel.feedsSnapshot());
        }
        for (const each of held) await expectListFoldsToPresent(readModel, each);
      });

      it('are one per batch, however many feeds it changed', async () => {
        const { version } = await readModel.feedsSnapshot();
        await readModel.apply([written('a', ['x', 'y']), written('b', ['z'])]);
        expect((await readModel.feedsSnapshot()).version).toBe(version + 1);
      });

      it('are unknown since a version that is too old, or was never there', async () => {
        const { version } = await readModel.feedsSnapshot();
        for (let n = 1; n <= REMEMBERED_CHANGES; n++) await readModel.apply([written('a', ['x'], { version: n })]);
        expect(await readModel.feedsChanges(version)).toMatchObject({ version: version + REMEMBERED_CHANGES });
        await readModel.apply([written('b', ['x'])]);
        expect(await readModel.feedsChanges(version)).toBeUndefined();
        expect(await readModel.feedsChanges(version + REMEMBERED_CHANGES + 2)).toBeUndefined();
        expect(await readModel.feedsChanges(0)).toBeUndefined();
      });
    });

    describe('versions', () => {
      it('grow when a post is forgotten and applied again', async () => {
        await readModel.apply([written('a', ['x'])]);
        const before = [await readModel.feedSnapshot('x'), await readModel.feedsSnapshot()] as const;
        await readModel.forget('a');
        await readModel.apply([written('a', ['x'])]);
        expect((await readModel.feedSnapshot('x')).version).toBeGreaterThan(before[0].version);
        expect((await readModel.feedsSnapshot()).version).toBeGreaterThan(before[1].version);
      });

      it('are greater in a read model made anew', async () => {
        for (let n = 1; n <= 50; n++) await readModel.apply([written('a', ['x'], { version: n })]);
        const before = [await readModel.feedSnapshot('x'), await readModel.feedsSnapshot()] as const;
        await place.wipe();
        now += 1;
        readModel = await place.open(clock);
        await readModel.apply([written('a', ['x'])]);
        expect((await readModel.feedSnapshot('x')).version).toBeGreaterThan(before[0].version);
        expect((await readModel.feedsSnapshot()).version).toBeGreaterThan(before[1].version);
      });

      it('of a post are those of the write model', async () => {
        expect(await readModel.postSnapshot('a')).toEqual({ version: 0, state: null });
        const state = written('a', [], { version: 7 });
        await readModel.apply([state]);
        expect(await readModel.postSnapshot('a')).toEqual({ version: 7, state: state.post });
      });

      it('are safe integers', async () => {
        await readModel.apply([written('a', ['x'])]);
        expect(Number.isSafeInteger((await readModel.feedSnapshot('x')).version)).toBe(true);
        expect(Number.isSafeInteger((await readModel.feedsSnapshot()).version)).toBe(true);
      });
    });

    describe('search', () => {
      const found = async (q: string) => (await readModel.search(q)).posts.map(({ id }) => id);

      it('finds posts in which every word begins a word of title, content, author or tags, newest first', async () => {
        await readModel.apply([
          written('title', [], { title: 'Hello there', content: '', createdAt: at(1) }),
          written('content', [], { content: 'say hello', createdAt: at(2) }),
          written('author', [], { author: 'Helloise', createdAt: at(3) }),
          written('tag', ['hello_world'], { createdAt: at(4) }),
          written('none', ['othello'], { createdAt: at(5) }),
        ]);
        expect(await found('HELL')).toEqual(['tag', 'author', 'content', 'title']);
        expect(await found('the hel')).toEqual(['title']);
        expect(await found('#hello_w')).toEqual(['tag']);
        expect(await found('hello nowhere')).toEqual([]);
      });

      it('finds words of scripts that are written without spaces', async () => {
        await readModel.apply([
          written('zh', [], { content: '我们的发布会很好' }),
          written('th', [], { content: 'สวัสดีชาวโลก' }),
        ]);
        expect(await found('发布')).toEqual(['zh']);
        expect(await found('ชาว')).toEqual(['th']);
      });

      it('finds composed and decomposed letters alike', async () => {
        await readModel.apply([written('a', [], { content: 'E\u0301te\u0301' })]);
        expect(await found('été')).toEqual(['a']);
        expect(await found('ete')).toEqual([]);
      });

      it('forgets words that were edited away, and deleted posts', async () => {
        await readModel.apply([written('a', [], { content: 'apple' }), written('b', [], { content: 'apple' })]);
        await readModel.apply([written('a', [], { content: 'pear', version: 2 }), deleted('b', 2)]);
        expect(await found('apple')).toEqual([]);
        expect(await found('pear')).toEqual(['a']);
      });

      it('takes nothing for syntax', async () => {
        await readModel.apply([written('a', [], { title: '', content: 'one two' })]);
        for (const q of ['', '  ', '"', '*', '.*', '!!', '\0']) expect(await found(q)).toEqual([]);
        for (const q of ['one OR three', 'NOT one', 'o.e', 'one NEAR two']) expect(await found(q)).toEqual([]);
        for (const q of ['one"', '"one two"', '-one', '(two)', 'one*']) expect(await found(q)).toEqual(['a']);
      });

      it('goes on in pages, also amid posts of one moment, in whatever order these came', async () => {
        const states = [1, 2, 3, 4, 5, 6, 7].map((n) =>
          written(`p${n}`, [], { content: 'word', createdAt: at(n >> 2) }),
        );
        await readModel.apply(states.reverse());
        const ids: string[] = [];
        for (let cursor: string | undefined; ;) {
          const page = await readModel.search('word', { limit: 2, cursor });
          expect(page.query).toBe('word');
          ids.push(...page.posts.map(({ id }) => id));
          if (page.next === null) break;
          cursor = page.next;
        }
        expect(ids).toEqual(['p7', 'p6', 'p5', 'p4', 'p3', 'p2', 'p1']);
      });
    });

    describe('upkeep', () => {
      it('dumps posts, tombstones and feeds in one order', async () => {
        const states = [
          written('b', ['y', 'x']),
          written('a', ['x', 'é', '发'], { createdAt: at(1) }),
          deleted('c', 4, ['z']),
        ];
        await readModel.apply([written('c', ['z', 'x']), ...states]);
        expect(await dumpOf(readModel)).toEqual(expectedDump(states));
      });

      it('gives what was applied in pages by id', async () => {
        await readModel.apply([
          written('b', []),
          written('c', ['x'], { version: 2 }),
          deleted('a', 3),
          written('d', []),
        ]);
        expect(await readModel.page(undefined, 3)).toMatchObject([
          { id: 'a', version: 3, post: null },
          { id: 'b', version: 1, post: { id: 'b' } },
          { id: 'c', version: 2, post: { tags: ['x'] } },
        ]);
        expect(await readModel.page('c', 3)).toMatchObject([{ id: 'd' }]);
        expect(await readModel.page('d', 3)).toEqual([]);
      });

      it('forgets a post wholly, and takes it again in any version', async () => {
        const rest = [written('b', ['x']), deleted('c', 2)];
        await readModel.apply([written('a', ['x', 'y'], { version: 5 }), ...rest]);
        expect(new Set(await readModel.forget('a'))).toEqual(new Set(['post:a', 'feed:x', 'feed:y', 'feeds']));
        expect(await dumpOf(readModel)).toEqual(expectedDump(rest));
        expect((await readModel.search('a')).posts.map(({ id }) => id)).toEqual(['b']);
        await readModel.apply([written('a', ['y'])]);
        expect(await dumpOf(readModel)).toEqual(expectedDump([written('a', ['y']), ...rest]));
      });

      it('forgets a tombstone, and passes over what it never had', async () => {
        await readModel.apply([deleted('a', 2)]);
        await readModel.forget('a');
        expect(await readModel.forget('never')).toEqual([]);
        expect(await dumpOf(readModel)).toEqual([]);
      });

      it('tells clients of a feed what was forgotten', async () => {
        await readModel.apply([written('a', ['x']), written('b', ['x'])]);
        const held = await readModel.feedSnapshot('x');
        await readModel.forget('a');
        await expectFoldsToPresent(readModel, 'x', held);
      });

      it('finds all counts right, whatever was applied', async () => {
        await readModel.apply([written('a', ['x', 'y']), written('b', ['x']), written('c', ['z'])]);
        await readModel.apply([deleted('c', 2), written('a', ['y'], { version: 2 })]);
        const before = await dumpOf(readModel);
        expect(await readModel.recount()).toEqual([]);
        expect(await dumpOf(readModel)).toEqual(before);
      });

      it('mends a wrong count, and tells clients', async () => {
        await readModel.apply([written('a', ['x', 'y']), written('b', ['x']), written('c', ['z'])]);
        await place.miscount('x', 3);
        await place.miscount('z', -1);
        const held = await readModel.feedSnapshot('x');
        expect((await readModel.recount()).sort()).toEqual(['x', 'z']);
        expect(new Map((await countsOf()) as [string, number][])).toEqual(
          new Map([
            ['x', 2],
            ['y', 1],
            ['z', 1],
          ]),
        );
        await expectFoldsToPresent(readModel, 'x', held);
      });

      it('is not complete until it is marked so, for every process and until its data is lost', async () => {
        await readModel.apply([written('a', ['x'])]);
        expect(await readModel.isComplete()).toBe(false);

        await readModel.markComplete();
        await readModel.markComplete();
        expect([await readModel.isComplete(), await (await place.open(clock)).isComplete()]).toEqual([true, true]);

        await place.wipe();
        expect(await (await place.open(clock)).isComplete()).toBe(false);
      });

      it('answers a ping until it is closed', async () => {
        await readModel.ping();
        await readModel.close();
        await expect(readModel.ping()).rejects.toThrow(ReadModelUnavailable);
        await expect(readModel.apply([written('a', ['x'])])).rejects.toThrow(ReadModelUnavailable);
        await expect(readModel.feed('x')).rejects.toThrow(ReadModelUnavailable);
        await readModel.close();
      });
    });
  });
}
