import { describe, expect, it, vi } from 'vitest';
import type { Message } from '../messaging/message.ts';
import { TOPICS } from './events.ts';
import { FUTURE_MARK_MS, type Outbox } from './post-store.ts';
import {
  created,
  forwardAll,
  newPost,
  NOTHING_PUBLISHED_BEFORE,
  settableClock,
  type DatabaseUnderTest,
} from './write-model-under-test.ts';

/** The outbox's promises (post-store.ts), for any adapter. */
export function describeOutbox(name: string, database: () => Promise<DatabaseUnderTest>): void {
  describe(`the outbox on ${name}`, () => {
    it('hands over messages in the order of their commits', async () => {
      await using place = await database();
      const { store, outbox } = await place.open();
      const { id } = await created(store);
      for (const title of ['2', '3', '4', '5']) await store.update(id, { title });
      const versions = (await forwardAll(outbox)).map(({ payload }) => {
        const event = JSON.parse(payload) as { post?: { version: number }; newPost?: { version: number } };
        return (event.newPost ?? event.post)?.version;
      });
      expect(versions).toEqual([1, 2, 3, 4, 5]);
    });

    it('hands over 1,000 messages in batches, each once', async () => {
      await using place = await database();
      const { store, outbox } = await place.open();
      await Promise.all(Array.from({ length: 1_000 }, () => store.create(newPost())));
      const messages = await forwardAll(outbox);
      expect([messages.length, new Set(messages.map(({ id }) => id)).size]).toEqual([1_000, 1_000]);
    });

    it('hands over no more than the limit, the oldest first, and says how many', async () => {
      await using place = await database();
      const { store, outbox } = await place.open();
      const posts = [await created(store), await created(store), await created(store)];
      const handed: string[] = [];
      const count = await outbox.forward(2, NOTHING_PUBLISHED_BEFORE, async (messages) => {
        handed.push(...messages.map(({ key }) => key));
      });
      expect([count, handed]).toEqual([2, posts.slice(0, 2).map(({ id }) => id)]);
    });

    it('does not call publish when there is nothing', async () => {
      await using place = await database();
      const { outbox } = await place.open();
      const publish = vi.fn(async () => undefined);
      expect([await outbox.forward(10, NOTHING_PUBLISHED_BEFORE, publish), publish.mock.calls.length]).toEqual([0, 0]);
    });

    it('keeps messages whose publishing failed, and passes the error on', async () => {
      await using place = await database();
      const { store, outbox } = await place.open();
      const post = await created(store);
      const failure = Object.assign(new Error('the broker is down'), { code: 'ECONNREFUSED' });
      await expect(outbox.forward(10, NOTHING_PUBLISHED_BEFORE, () => Promise.reject(failure))).rejects.toBe(failure);
      expect((await forwardAll(outbox)).map(({ key }) => key)).toEqual([post.id]);
    });

    it('keeps messages over a restart', async () => {
      await using place = await database();
      const first = await place.open();
      const post = await created(first.store);
      await first.close();
      const { outbox } = await place.open();
      expect((await forwardAll(outbox)).map(({ key }) => key)).toEqual([post.id]);
    });

    it('hands the same message, with the same id, over again after a crash between publishing and marking', async () => {
      await using place = await database();
      const { store, outbox } = await place.open();
      await created(store);
      const taken: Message[] = [];
      await outbox
        .forward(10, NOTHING_PUBLISHED_BEFORE, async (messages) => {
          taken.push(...messages);
          throw new Error('the process died here');
        })
        .catch(() => undefined);
      expect(await forwardAll(outbox)).toEqual(taken);
    });

    it('never hands a message to two forwarders at once', async () => {
      await using place = await database();
      const { store, outbox } = await place.open();
      await Promise.all(Array.from({ length: 20 }, () => store.create(newPost())));
      const first = heldForward(outbox, 8);
      await first.started;
      const second = heldForward(outbox, 100);
      await second.started;
      first.finish();
      second.finish();
      await Promise.all([first.done, second.done]);
      expect([first.ids.length, second.ids.length, new Set([...first.ids, ...second.ids]).size]).toEqual([8, 12, 20]);
    });

    it('publishes a message again that was not confirmed in time', async () => {
      await using place = await database();
      const clock = settableClock();
      const { store, outbox } = await place.open({ clock });
      await created(store);
      const [message] = await forwardAll(outbox);
      clock.advance(30_001);
      const again: Message[] = [];
      await outbox.forward(10, new Date(clock().getTime() - 30_000), async (messages) => void again.push(...messages));
      expect(again).toEqual([message]);
    });

    it('hands over only what was never published where it is not told how old the others are to be', async () => {
      await using place = await database();
      const clock = settableClock();
      const { store, outbox } = await place.open({ clock });
      await created(store);
      await forwardAll(outbox);
      clock.advance(1_000_000);
      const { id } = await created(store);
      const handed: string[] = [];
      await outbox.forward(10, undefined, async (messages) => void handed.push(...messages.map(({ key }) => key)));
      expect(handed).toEqual([id]);
    });

    it('does not publish again what was published just now', async () => {
      await using place = await database();
      const clock = settableClock();
      const { store, outbox } = await place.open({ clock });
      await created(store);
      await forwardAll(outbox);
      clock.advance(29_999);
      expect(await outbox.forward(10, new Date(clock().getTime() - 30_000), async () => undefined)).toBe(0);
    });

    it('prefers what was never published to what is published again', async () => {
      await using place = await database();
      const clock = settableClock();
      const { store, outbox } = await place.open({ clock });
      await created(store);
      await forwardAll(outbox);
      clock.advance(60_000);
      const fresh = await created(store);
      const handed: string[] = [];
      await outbox.forward(1, clock(), async (messages) => void handed.push(...messages.map(({ key }) => key)));
      expect(handed).toEqual([fresh.id]);
    });

    it('publishes again what was marked by a clock that was ahead', async () => {
      await using place = await database();
      const clock = settableClock();
      const { store, outbox } = await place.open({ clock });
      await created(store);
      await forwardAll(outbox);
      clock.advance(-FUTURE_MARK_MS - 1);
      expect(await outbox.forward(10, new Date(clock().getTime() - 30_000), async () => undefined)).toBe(1);
    });

    it('never hands over again what was confirmed', async () => {
      await using place = await database();
      const clock = settableClock();
      const { store, outbox } = await place.open({ clock });
      await created(store);
      await outbox.confirm((await forwardAll(outbox)).map(({ id }) => id));
      clock.advance(60_000);
      expect(await outbox.forward(10, clock(), async () => undefined)).toBe(0);
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
      const ids = (await forwardAll(outbox)).map(({ id }) => id);
      await outbox.confirm(ids.slice(0, 597));
      expect(await outbox.backlog()).toMatchObject({ unpublished: 0, unconfirmed: 3 });
    });

    it('takes a confirmation that comes before the mark, from a handler that is faster than the broker', async () => {
      await using place = await database();
      const { store, outbox } = await place.open();
      await created(store);
      let confirmation: Promise<void> | undefined;
      await outbox.forward(10, NOTHING_PUBLISHED_BEFORE, async (messages) => {
        confirmation = outbox.confirm(messages.map(({ id }) => id));
      });
      await confirmation;
      expect(await outbox.backlog()).toEqual({ unpublished: 0, oldestMs: 0, unconfirmed: 0, oldestUnconfirmedMs: 0 });
    });

    it('says how many messages wait for what, and since when', async () => {
      await using place = await database();
      const clock = settableClock();
      const { store, outbox } = await place.open({ clock });
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

    it('tells the commits of many in the order of the outbox, each once', async () => {
      await using place = await database();
      const { store, outbox } = await place.open();
      const told: string[] = [];
      outbox.onCommit((messages) => told.push(...messages.map(({ id }) => id)));
      const { id } = await created(store);
      await Promise.all(Array.from({ length: 30 }, (_, n) => store.update(id, { title: `Title ${n}` })));
      await Promise.all(
        Array.from({ length: 50 }, (_, n) => store.create(newPost(), { idempotencyKey: `key-${n % 40}` })),
      );
      const kept = (await forwardAll(outbox)).map(({ id }) => id);
      expect(told.slice(0, 31)).toEqual(kept.slice(0, 31)); // those of one post
      expect([...told].sort()).toEqual([...kept].sort());
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

/** A forward whose publisher holds its messages until it is told to finish. `started` also where there are none. */
export function heldForward(outbox: Outbox, limit: number) {
  const ids: string[] = [];
  const held = Promise.withResolvers<unknown>();
  const handed = Promise.withResolvers<unknown>();
  const done = outbox.forward(limit, NOTHING_PUBLISHED_BEFORE, async (messages) => {
    ids.push(...messages.map(({ id }) => id));
    handed.resolve(undefined);
    await held.promise;
  });
  return { ids, started: Promise.race([handed.promise, done]), finish: () => held.resolve(undefined), done };
}
