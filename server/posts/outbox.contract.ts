import { afterEach, describe, expect, it, vi } from 'vitest';
import { stillTime } from '../../tests/still-time.ts';
import type { Message } from '../messaging/message.ts';
import { TOPICS } from './events.ts';
import { FUTURE_MARK_MS, type Outbox } from './post-store.ts';
import { created, forwardAll, newPost, type DatabaseUnderTest } from './write-model-under-test.ts';

/** What was made, and what was last published, so many ms ago. */
const staleSince = (outbox: Outbox, { madeMs = 1e9, publishedMs = 1e9 }, limit = 10): Promise<Message[]> =>
  outbox.stale(limit, {
    madeBefore: new Date(Date.now() - madeMs),
    publishedBefore: new Date(Date.now() - publishedMs),
  });
const idsOf = (messages: readonly Message[]) => messages.map(({ id }) => id);
const keysOf = (messages: readonly Message[]) => messages.map(({ key }) => key);

/** The outbox's promises (post-store.ts), for any adapter. */
export function describeOutbox(name: string, database: () => Promise<DatabaseUnderTest>): void {
  describe(`the outbox on ${name}`, () => {
    afterEach(() => void vi.useRealTimers());

    it('gives 1,000 messages in batches, each once', async () => {
      await using place = await database();
      const { store, outbox } = await place.open();
      await Promise.all(Array.from({ length: 1_000 }, () => store.create(newPost())));
      const messages = await forwardAll(outbox);
      expect([messages.length, new Set(idsOf(messages)).size]).toEqual([1_000, 1_000]);
    });

    it('gives no more than the limit, the oldest first, and the same again until they are marked', async () => {
      await using place = await database();
      const clock = stillTime();
      const { store, outbox } = await place.open();
      const posts = [await created(store), await created(store), await created(store)];
      clock.advance(1);
      const first = await staleSince(outbox, { madeMs: 0 }, 2);
      expect(keysOf(first)).toEqual(posts.slice(0, 2).map(({ id }) => id));
      expect(await staleSince(outbox, { madeMs: 0 }, 2)).toEqual(first);
      await outbox.markPublished(idsOf(first));
      expect(keysOf(await staleSince(outbox, { madeMs: 0 }, 2))).toEqual([posts[2]?.id]);
    });

    it('keeps messages over a restart', async () => {
      await using place = await database();
      const first = await place.open();
      const post = await created(first.store);
      await first.close();
      const { outbox } = await place.open();
      expect(keysOf(await forwardAll(outbox))).toEqual([post.id]);
    });

    it('leaves alone what was made just now', async () => {
      await using place = await database();
      const clock = stillTime();
      const { store, outbox } = await place.open();
      const { id } = await created(store);
      clock.advance(2_000);
      await created(store);
      expect(await staleSince(outbox, { madeMs: 2_000 })).toEqual([]);
      clock.advance(1);
      expect(keysOf(await staleSince(outbox, { madeMs: 2_000 }))).toEqual([id]);
    });

    it('gives a message again that was published and not confirmed in time', async () => {
      await using place = await database();
      const clock = stillTime();
      const { store, outbox } = await place.open();
      await created(store);
      const published = await forwardAll(outbox);
      clock.advance(30_000);
      expect(await staleSince(outbox, { publishedMs: 30_000 })).toEqual([]);
      clock.advance(1);
      expect(await staleSince(outbox, { publishedMs: 30_000 })).toEqual(published);
      await outbox.markPublished(idsOf(published));
      expect(await staleSince(outbox, { publishedMs: 30_000 })).toEqual([]);
    });

    it('prefers what was never published to what is published again', async () => {
      await using place = await database();
      const clock = stillTime();
      const { store, outbox } = await place.open();
      await created(store);
      await forwardAll(outbox);
      clock.advance(60_000);
      const fresh = await created(store);
      clock.advance(1);
      expect(keysOf(await staleSince(outbox, { madeMs: 0, publishedMs: 0 }, 1))).toEqual([fresh.id]);
      expect(await staleSince(outbox, { madeMs: 0, publishedMs: 0 })).toHaveLength(2);
    });

    it('gives again what was marked by a clock that was ahead', async () => {
      await using place = await database();
      const clock = stillTime();
      const { store, outbox } = await place.open();
      await created(store);
      await forwardAll(outbox);
      clock.advance(-FUTURE_MARK_MS);
      expect(await staleSince(outbox, { publishedMs: 30_000 })).toEqual([]);
      clock.advance(-1);
      expect(await staleSince(outbox, { publishedMs: 30_000 })).toHaveLength(1);
    });

    it('never gives again what was confirmed, marked or not', async () => {
      await using place = await database();
      const clock = stillTime();
      const { store, outbox } = await place.open();
      await created(store);
      await outbox.confirm(idsOf(await forwardAll(outbox)));
      await created(store);
      clock.advance(60_000);
      await outbox.confirm(idsOf(await staleSince(outbox, { madeMs: 0 })));
      expect(await staleSince(outbox, { madeMs: -1, publishedMs: -1 })).toEqual([]);
    });

    it('takes a confirmation that comes before the mark, from a handler that is faster than the broker', async () => {
      await using place = await database();
      const { store, outbox } = await place.open();
      await created(store);
      const ids = idsOf(await staleSince(outbox, { madeMs: -1 }));
      await Promise.all([outbox.markPublished(ids), outbox.confirm(ids)]);
      await outbox.markPublished(ids);
      expect(await outbox.backlog()).toEqual({ unpublished: 0, oldestMs: 0, unconfirmed: 0, oldestUnconfirmedMs: 0 });
    });

    it('passes over confirmations of messages that are not there', async () => {
      await using place = await database();
      const { store, outbox } = await place.open();
      await created(store);
      await outbox.confirm([]);
      await outbox.confirm(['unknown', '😀', "'"]);
      expect(await outbox.backlog()).toMatchObject({ unpublished: 1, unconfirmed: 0 });
    });

    it('confirms many at once', async () => {
      await using place = await database();
      const { store, outbox } = await place.open();
      await Promise.all(Array.from({ length: 600 }, () => store.create(newPost())));
      const ids = idsOf(await forwardAll(outbox));
      await outbox.confirm(ids.slice(0, 597));
      expect(await outbox.backlog()).toMatchObject({ unpublished: 0, unconfirmed: 3 });
    });

    it('says how many messages wait for what, and since when', async () => {
      await using place = await database();
      const clock = stillTime();
      const { store, outbox } = await place.open();
      await created(store);
      await forwardAll(outbox);
      clock.advance(1_000);
      await created(store);
      clock.advance(250);
      await created(store);
      expect(await outbox.backlog()).toEqual({
        unpublished: 2,
        oldestMs: 250,
        unconfirmed: 1,
        oldestUnconfirmedMs: 1_250,
      });
    });

    it('tells of each kind of commit with what is in the outbox, and not of commands that changed nothing', async () => {
      await using place = await database();
      const { store, outbox } = await place.open();
      const told: Message[] = [];
      outbox.onCommit((messages) => told.push(...messages));
      const { id } = await created(store, { title: 'A "title" 😀' });
      await store.update(id, { title: 'New' });
      await store.update(id, { title: 'New' });
      await store.delete(id);
      await store.delete(id);
      expect(told).toEqual(await forwardAll(outbox));
      expect(told.map(({ topic }) => topic)).toEqual(Object.values(TOPICS));
    });

    it('tells the commits of many, each once', async () => {
      await using place = await database();
      const { store, outbox } = await place.open();
      const told: string[] = [];
      outbox.onCommit((messages) => told.push(...idsOf(messages)));
      const { id } = await created(store);
      await Promise.all([
        ...Array.from({ length: 30 }, (_, n) => store.update(id, { title: `Title ${n}` })),
        ...Array.from({ length: 50 }, (_, n) => store.create(newPost(), { idempotencyKey: `key-${n % 40}` })),
      ]);
      expect(told.toSorted()).toEqual(idsOf(await forwardAll(outbox)).toSorted());
      expect(told).toHaveLength(71);
    });

    it('shows an event to those who are told of its commit', async () => {
      await using place = await database();
      const { store, outbox } = await place.open();
      const { promise: backlog, resolve } = Promise.withResolvers<unknown>();
      outbox.onCommit(() => resolve(outbox.backlog()));
      await created(store);
      expect(await backlog).toMatchObject({ unpublished: 1 });
    });

    it('tells no more after the listener was taken away', async () => {
      await using place = await database();
      const { store, outbox } = await place.open();
      const told = vi.fn();
      outbox.onCommit(told)();
      await created(store);
      expect(told).not.toHaveBeenCalled();
    });
  });
}
