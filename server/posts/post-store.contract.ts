import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { stillTime } from '../../tests/still-time.ts';
import { TOPICS } from './events.ts';
import { IDEMPOTENCY_KEPT_MS } from './idempotency.ts';
import { StoreUnavailable, type PostStore } from './post-store.ts';
import { created, forwardAll, newPost, type DatabaseUnderTest } from './write-model-under-test.ts';

/** The write model's promises (post-store.ts), for any adapter. */
export function describePostStore(name: string, database: () => Promise<DatabaseUnderTest>): void {
  describe(`the post store on ${name}`, () => {
    afterEach(() => void vi.useRealTimers());

    describe('create', () => {
      it('returns the first version of the post, with the tags of its content', async () => {
        await using place = await database();
        stillTime('2026-03-01T12:00:00.123Z');
        const { store } = await place.open({ ids: () => 'post-1' });
        const result = await store.create({ title: 'Hello', content: 'On #Golang and #été', author: 'Ada' });
        expect(result).toEqual({
          kind: 'created',
          post: {
            id: 'post-1',
            version: 1,
            title: 'Hello',
            content: 'On #Golang and #été',
            author: 'Ada',
            tags: ['golang', 'été'],
            createdAt: '2026-03-01T12:00:00.123Z',
            editedAt: null,
          },
        });
      });

      it('stores what it returns', async () => {
        await using place = await database();
        const { store } = await place.open();
        const post = await created(store);
        expect(await store.get(post.id)).toEqual(post);
      });

      it('keeps posts over a restart', async () => {
        await using place = await database();
        const first = await place.open();
        const post = await created(first.store);
        await first.close();
        const { store } = await place.open();
        expect(await store.get(post.id)).toEqual(post);
      });

      it.each([
        ['spaces and tabs at both ends', ' \t words \t '],
        ['all kinds of line breaks', 'a\r\nb\rc\nd\u2028e'],
        ['10,000 characters of four bytes each', '😀'.repeat(10_000)],
        ['a letter and its accent apart', 'e\u0301te\u0301'],
        ['quotes, backslashes and wild cards', `'"\\%_\\0?;--`],
        ['control characters', '\u0001\u001b\u007f\u0085'],
      ])('keeps content with %s as it is', async (_, content) => {
        await using place = await database();
        const { store } = await place.open();
        const { id } = await created(store, { content });
        expect((await store.get(id))?.content).toBe(content);
      });

      it('keeps any text of any field as it is', async () => {
        await using place = await database();
        const { store } = await place.open();
        const text = fc.string({ unit: 'binary', maxLength: 60 }).map((value) => value.replaceAll('\0', ''));
        await fc.assert(
          fc.asyncProperty(text, text, text, async (title, content, author) => {
            const { id } = await created(store, { title, content, author });
            expect(await store.get(id)).toMatchObject({ title, content, author });
          }),
          { numRuns: 50 },
        );
      });

      it('keeps 100 posts apart that come at the same time', async () => {
        await using place = await database();
        const { store } = await place.open();
        const titles = Array.from({ length: 100 }, (_, index) => `Post ${index}`);
        const posts = await Promise.all(titles.map((title) => created(store, { title })));
        const stored = await Promise.all(posts.map(({ id }) => store.get(id)));
        expect(stored.map((post) => post?.title)).toEqual(titles);
      });

      it.each([
        ['its first row', 10],
        ['its last row', 11],
      ])('lets a create that fails at %s fail alone, and leaves nothing of it', async (_, repeatedId) => {
        await using place = await database();
        let count = 0;
        // Each create takes two ids, the message's second. One of the sixth post was there before.
        const ids = () => `id-${count++ === repeatedId ? repeatedId - 10 : count - 1}`;
        const { store, outbox } = await place.open({ ids });
        const results = await Promise.allSettled(Array.from({ length: 10 }, () => created(store)));
        const rejected = results.filter(({ status }) => status === 'rejected').length;
        const events = await forwardAll(outbox);
        expect([rejected, await store.count(), events.length]).toEqual([1, 9, 9]);
      });
    });

    describe('create with an idempotency key', () => {
      it('answers a repetition with the first post', async () => {
        await using place = await database();
        const { store } = await place.open();
        const first = await store.create(newPost(), { idempotencyKey: 'k' });
        const again = await store.create(newPost(), { idempotencyKey: 'k' });
        expect([first, again]).toEqual([
          { kind: 'created', post: expect.anything() },
          { ...first, kind: 'repeated' },
        ]);
      });

      it('answers a repetition after an edit as it did the first time', async () => {
        await using place = await database();
        const { store } = await place.open();
        const first = await store.create(newPost(), { idempotencyKey: 'k' });
        if (first.kind !== 'created') throw new Error(first.kind);
        await store.update(first.post.id, { content: 'Other words' });
        expect(await store.create(newPost(), { idempotencyKey: 'k' })).toEqual({ kind: 'repeated', post: first.post });
      });

      it('refuses the key for another input', async () => {
        await using place = await database();
        const { store } = await place.open();
        await store.create(newPost(), { idempotencyKey: 'k' });
        expect(await store.create(newPost({ author: 'Bob' }), { idempotencyKey: 'k' })).toEqual({ kind: 'key-reused' });
      });

      it('makes one post and one event of 20 that race', async () => {
        await using place = await database();
        const { store, outbox } = await place.open();
        const race = Array.from({ length: 20 }, () => store.create(newPost(), { idempotencyKey: 'k' }));
        const kinds = (await Promise.all(race)).map(({ kind }) => kind).sort();
        expect({ kinds, posts: await store.count(), events: (await forwardAll(outbox)).length }).toEqual({
          kinds: ['created', ...Array<string>(19).fill('repeated')],
          posts: 1,
          events: 1,
        });
      });

      it('tells keys apart that differ in case, in a trailing space, or after 1,000 characters', async () => {
        await using place = await database();
        const { store } = await place.open();
        for (const idempotencyKey of ['k', 'K', 'k ', 'ķ', '', 'k'.repeat(1_000), 'k'.repeat(1_001)]) {
          await store.create(newPost({ content: idempotencyKey }), { idempotencyKey });
        }
        expect(await store.count()).toBe(7);
      });

      it.each([
        ['knows a key after a restart a day later', 24 * 3_600_000, 'repeated'],
        ['forgets a key at last', IDEMPOTENCY_KEPT_MS + 1, 'created'],
      ])('%s', async (_, pause, kind) => {
        await using place = await database();
        const clock = stillTime();
        const first = await place.open();
        await first.store.create(newPost(), { idempotencyKey: 'k' });
        await first.close();
        clock.advance(pause);
        const { store } = await place.open();
        expect((await store.create(newPost(), { idempotencyKey: 'k' })).kind).toBe(kind);
      });
    });

    describe('update', () => {
      it('makes the next version, with new text and tags, and the time of the edit', async () => {
        await using place = await database();
        const clock = stillTime();
        const { store } = await place.open();
        const post = await created(store);
        clock.advance(1_500);
        expect(await store.update(post.id, { title: 'New', content: 'About #rust' })).toEqual({
          kind: 'changed',
          post: {
            ...post,
            version: 2,
            title: 'New',
            content: 'About #rust',
            tags: ['rust'],
            editedAt: '2026-03-01T12:00:01.500Z',
          },
        });
      });

      it('stores what it returns', async () => {
        await using place = await database();
        const { store } = await place.open();
        const { id } = await created(store);
        const result = await store.update(id, { content: 'Other words' });
        expect(result).toEqual({ kind: 'changed', post: await store.get(id) });
      });

      it('leaves a field that the patch does not name as it was', async () => {
        await using place = await database();
        const { store } = await place.open();
        const post = await created(store);
        await store.update(post.id, { title: 'New' });
        expect((await store.get(post.id))?.content).toBe(post.content);
      });

      it('changes nothing, and tells no event, when the text is the same', async () => {
        await using place = await database();
        const { store, outbox } = await place.open();
        const post = await created(store);
        const result = await store.update(post.id, { title: post.title, content: post.content });
        expect([result, (await forwardAll(outbox)).length]).toEqual([{ kind: 'unchanged', post }, 1]);
      });

      it('takes a change of the case or of the Unicode form of a letter for a change', async () => {
        await using place = await database();
        const { store } = await place.open();
        const { id } = await created(store, { content: 'é' });
        await store.update(id, { content: 'É' });
        await store.update(id, { content: 'E\u0301' });
        await store.update(id, { content: 'E\u0301 ' });
        expect((await store.get(id))?.version).toBe(4);
      });

      it('refuses to leave a post without any text', async () => {
        await using place = await database();
        const { store } = await place.open();
        const { id } = await created(store, { title: '' });
        expect(await store.update(id, { content: ' \n' })).toEqual({ kind: 'empty' });
      });

      it('answers with the present post when another version was expected', async () => {
        await using place = await database();
        const { store } = await place.open();
        const { id } = await created(store);
        await store.update(id, { title: 'Second' });
        const result = await store.update(id, { title: 'Third' }, { expectedVersion: 1 });
        expect(result).toEqual({ kind: 'conflict', current: await store.get(id) });
      });

      it('lets exactly one of 50 win that expect the same version', async () => {
        await using place = await database();
        const { store, outbox } = await place.open();
        const { id } = await created(store);
        const race = Array.from({ length: 50 }, (_, index) =>
          store.update(id, { content: `Words of ${index}` }, { expectedVersion: 1 }),
        );
        const kinds = (await Promise.all(race)).map(({ kind }) => kind);
        expect([
          kinds.filter((kind) => kind === 'changed').length,
          kinds.filter((kind) => kind === 'conflict').length,
          (await store.get(id))?.version,
          (await forwardAll(outbox)).length,
        ]).toEqual([1, 49, 2, 2]);
      });

      it('lets all of 50 win, one after the other, that expect no version', async () => {
        await using place = await database();
        const { store } = await place.open();
        const { id } = await created(store);
        await Promise.all(Array.from({ length: 50 }, (_, index) => store.update(id, { content: `Words of ${index}` })));
        const history = await store.history(id, { limit: 10_000 });
        expect([history?.length, new Set(history?.map(({ content }) => content)).size]).toEqual([51, 51]);
      });

      it('never dates an edit before the text that it replaces, should the clock be set back', async () => {
        await using place = await database();
        const clock = stillTime();
        const { store } = await place.open();
        const { id, createdAt } = await created(store);
        clock.advance(-3_600_000);
        await store.update(id, { title: 'New' });
        expect((await store.get(id))?.editedAt).toBe(createdAt);
      });
    });

    describe('history', () => {
      it('holds all texts with the times they were written, the newest first', async () => {
        await using place = await database();
        const clock = stillTime();
        const { store } = await place.open();
        const { id } = await created(store, { title: 'One', content: 'First' });
        clock.advance(1_000);
        await store.update(id, { content: 'Second' });
        clock.advance(1_000);
        await store.update(id, { title: 'Three' });
        const all = [
          { version: 3, title: 'Three', content: 'Second', at: '2026-03-01T12:00:02.000Z' },
          { version: 2, title: 'One', content: 'Second', at: '2026-03-01T12:00:01.000Z' },
          { version: 1, title: 'One', content: 'First', at: '2026-03-01T12:00:00.000Z' },
        ];
        expect(await store.history(id, { limit: 10 })).toEqual(all);
        expect(await store.history(id, { limit: 2 })).toEqual(all.slice(0, 2));
        expect(await store.history(id, { limit: 2, before: 3 })).toEqual(all.slice(1));
        expect(await store.history(id, { limit: 10, before: 1 })).toEqual([]);
        expect(await store.history(id, { limit: 10, before: 99 })).toEqual(all);
      });
    });

    describe('delete', () => {
      it('hides the post and its history', async () => {
        await using place = await database();
        const { store } = await place.open();
        const { id } = await created(store);
        await store.update(id, { title: 'Second' });
        expect([await store.delete(id), await store.get(id), await store.history(id, { limit: 1 })]).toEqual([
          { kind: 'deleted' },
          undefined,
          undefined,
        ]);
      });

      it('is told by the stored row, which is the post itself until then', async () => {
        await using place = await database();
        const { store } = await place.open();
        const post = await created(store);
        const before = await store.stored(post.id);
        await store.delete(post.id);
        expect([before, await store.stored(post.id), await store.stored('unknown')]).toEqual([
          { ...post, deleted: false },
          expect.objectContaining({ id: post.id, version: 2, content: '', deleted: true }),
          undefined,
        ]);
      });

      it('leaves an empty row with the version of the deletion', async () => {
        await using place = await database();
        const clock = stillTime();
        const { store } = await place.open();
        const post = await created(store);
        clock.advance(1_000);
        await store.delete(post.id);
        expect(await store.page(undefined, 10)).toEqual([
          {
            ...post,
            version: 2,
            title: '',
            content: '',
            tags: [],
            editedAt: '2026-03-01T12:00:01.000Z',
            deleted: true,
          },
        ]);
      });

      it('answers with the present post when another version was expected', async () => {
        await using place = await database();
        const { store } = await place.open();
        const { id } = await created(store);
        const result = await store.delete(id, { expectedVersion: 7 });
        expect(result).toEqual({ kind: 'conflict', current: await store.get(id) });
      });

      it('makes the post missing for any further change', async () => {
        await using place = await database();
        const { store } = await place.open();
        const { id } = await created(store);
        await store.delete(id);
        expect([await store.update(id, { title: 'New' }), await store.delete(id)]).toEqual([
          { kind: 'missing' },
          { kind: 'missing' },
        ]);
      });
    });

    describe('events', () => {
      it('tell of a create, an update and a delete with whole posts, in the order of versions', async () => {
        await using place = await database();
        stillTime();
        const { store, outbox } = await place.open();
        const first = await created(store);
        await store.update(first.id, { title: 'Second' });
        const second = await store.get(first.id);
        await store.delete(first.id);
        const occurredAt = new Date().toISOString();
        const events = (await forwardAll(outbox)).map(({ topic, key, payload }) => [topic, key, JSON.parse(payload)]);
        expect(events).toEqual([
          [TOPICS.postCreated, first.id, { post: first, occurredAt }],
          [TOPICS.postUpdated, first.id, { originalPost: first, newPost: second, occurredAt }],
          [TOPICS.postDeleted, first.id, { post: second, version: 3, occurredAt }],
        ]);
      });

      it('carry the correlation id of the command', async () => {
        await using place = await database();
        const { store, outbox } = await place.open();
        const result = await store.create(newPost(), { correlationId: 'request-1' });
        const id = result.kind === 'created' ? result.post.id : '';
        await store.update(id, { title: 'New' }, { correlationId: 'request-2' });
        await store.delete(id, { correlationId: 'request-3' });
        const ids = (await forwardAll(outbox)).map(({ metadata }) => metadata['correlation-id']);
        expect(ids).toEqual(['request-1', 'request-2', 'request-3']);
      });

      it('are not told of commands that were refused', async () => {
        await using place = await database();
        const { store, outbox } = await place.open();
        const { id } = await created(store);
        await forwardAll(outbox);
        await store.update(id, { title: 'New' }, { expectedVersion: 9 });
        await store.update(id, { title: '', content: '' });
        await store.update('unknown', { title: 'New' });
        await store.delete(id, { expectedVersion: 9 });
        await store.delete('unknown');
        expect(await forwardAll(outbox)).toEqual([]);
      });
    });

    describe('reading', () => {
      it.each([['unknown'], [''], ["x' OR '1'='1"], ['😀'], ['i'.repeat(5_000)], ['\ud800']])(
        'finds no post for the id %j',
        async (id) => {
          await using place = await database();
          const { store } = await place.open();
          await created(store);
          expect(await store.get(id)).toBeUndefined();
        },
      );

      it('finds a post by its exact id only', async () => {
        await using place = await database();
        const { store } = await place.open({ ids: sequence('a') });
        const { id } = await created(store);
        expect(
          await Promise.all([id, `${id} `, id.toUpperCase()].map(async (some) => (await store.get(some))?.id)),
        ).toEqual([id, undefined, undefined]);
      });

      it('pages through all posts by id, deleted ones included', async () => {
        await using place = await database();
        const { store } = await place.open();
        const posts = await Promise.all(Array.from({ length: 25 }, () => created(store)));
        await store.delete(posts[7]?.id ?? '');
        const pages = await allPages(store, 10);
        expect(pages.map((page) => page.length)).toEqual([10, 10, 5]);
        expect(pages.flat().map(({ id }) => id)).toEqual(posts.map(({ id }) => id).sort());
        expect(await store.count()).toBe(25);
      });
    });

    it('says so when it is closed, whatever it is asked for', async () => {
      await using place = await database();
      const { store, outbox, deadLetters, close } = await place.open();
      await close();
      const calls = [
        () => store.create(newPost()),
        () => store.update('x', {}),
        () => store.delete('x'),
        () => store.get('x'),
        () => store.stored('x'),
        () => store.history('x', { limit: 1 }),
        () => store.page(undefined, 1),
        () => store.count(),
        () => store.ping(),
        () => outbox.stale(1, { madeBefore: new Date(), publishedBefore: new Date() }),
        () => outbox.markPublished(['m']),
        () => outbox.confirm(['x']),
        () => outbox.backlog(),
        () => deadLetters.list(),
      ];
      const outcomes = await Promise.allSettled(calls.map((call) => call()));
      for (const outcome of outcomes)
        expect(outcome).toEqual({ status: 'rejected', reason: expect.any(StoreUnavailable) });
    });

    it('answers a ping', async () => {
      await using place = await database();
      const { store } = await place.open();
      await expect(store.ping()).resolves.toBeUndefined();
    });
  });
}

async function allPages(store: PostStore, limit: number) {
  const pages = [];
  let after: string | undefined;
  for (;;) {
    const page = await store.page(after, limit);
    if (page.length === 0) return pages;
    pages.push(page);
    after = page.at(-1)?.id;
  }
}

function sequence(prefix: string): () => string {
  let count = 0;
  return () => `${prefix}${count++}`;
}
