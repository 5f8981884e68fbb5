import { describe, expect, it, vi } from 'vitest';
import type { Message } from '../messaging/message.ts';
import type { DeadLetter } from '../messaging/dead-letter.ts';
import { created, forwardAll, type DatabaseUnderTest } from './write-model-under-test.ts';

/** The dead letters' promises (post-store.ts), for any adapter. */
export function describeDeadLetters(name: string, database: () => Promise<DatabaseUnderTest>): void {
  describe(`the dead letters on ${name}`, () => {
    it('gives a letter back as it was kept', async () => {
      await using place = await database();
      const { deadLetters } = await place.open();
      await deadLetters.keep(letter('m1'));
      expect(await deadLetters.get('m1')).toEqual(letter('m1'));
    });

    it('takes the message of a letter out of the outbox', async () => {
      await using place = await database();
      const { store, outbox, deadLetters } = await place.open();
      await created(store);
      const [message] = await forwardAll(outbox);
      await deadLetters.keep({ ...letter('m1'), message: message as Message });
      expect(await outbox.backlog()).toMatchObject({ unpublished: 0, unconfirmed: 0 });
    });

    it('keeps a letter that comes twice once, as it came first', async () => {
      await using place = await database();
      const { deadLetters } = await place.open();
      await deadLetters.keep(letter('m1'));
      await deadLetters.keep({ ...letter('m1'), reason: 'another' });
      expect(await deadLetters.list()).toEqual([letter('m1')]);
    });

    it('keeps letters over a restart', async () => {
      await using place = await database();
      const first = await place.open();
      await first.deadLetters.keep(letter('m1'));
      await first.close();
      const { deadLetters } = await place.open();
      expect(await deadLetters.count()).toBe(1);
    });

    it('keeps a reason of any length and any characters', async () => {
      await using place = await database();
      const { deadLetters } = await place.open();
      const reason = `Error: 😀\n${'    at somewhere\n'.repeat(10_000)}`;
      await deadLetters.keep({ ...letter('m1'), reason });
      expect((await deadLetters.get('m1'))?.reason).toBe(reason);
    });

    it('lists the newest first, at most as many as asked for', async () => {
      await using place = await database();
      const { deadLetters } = await place.open();
      for (const second of [2, 1, 3]) {
        await deadLetters.keep({ ...letter(`m${second}`), at: `2026-03-01T12:00:0${second}.000Z` });
      }
      expect((await deadLetters.list(2)).map(({ message }) => message.id)).toEqual(['m3', 'm2']);
    });

    it('replays a message: it is in the outbox again, and no letter any more', async () => {
      await using place = await database();
      const { outbox, deadLetters } = await place.open();
      await deadLetters.keep(letter('m1'));
      expect(await deadLetters.replay('m1')).toBe(true);
      expect([await outbox.backlog(), await deadLetters.count()]).toMatchObject([{ unpublished: 1 }, 0]);
    });

    it('replays a message as it was, but for its id', async () => {
      await using place = await database();
      const { outbox, deadLetters } = await place.open({ ids: () => 'new-id' });
      const { message } = letter('m1');
      await deadLetters.keep(letter('m1'));
      await deadLetters.replay('m1');
      expect(await forwardAll(outbox)).toEqual([{ ...message, id: 'new-id' }]);
    });

    it('tells the forwarder of a replay, with the message', async () => {
      await using place = await database();
      const { outbox, deadLetters } = await place.open();
      await deadLetters.keep(letter('m1'));
      const told = vi.fn();
      outbox.onCommit(told);
      await deadLetters.replay('m1');
      expect(told).toHaveBeenCalledExactlyOnceWith(await forwardAll(outbox));
    });

    it('replays a message once when two ask for it', async () => {
      await using place = await database();
      const { outbox, deadLetters } = await place.open();
      await deadLetters.keep(letter('m1'));
      const replayed = await Promise.all([deadLetters.replay('m1'), deadLetters.replay('m1')]);
      expect([replayed.sort(), (await forwardAll(outbox)).length]).toEqual([[false, true], 1]);
    });

    it('drops a letter for good', async () => {
      await using place = await database();
      const { outbox, deadLetters } = await place.open();
      await deadLetters.keep(letter('m1'));
      expect([await deadLetters.drop('m1'), await deadLetters.count(), await forwardAll(outbox)]).toEqual([
        true,
        0,
        [],
      ]);
    });

    it('knows of no letter that was never kept', async () => {
      await using place = await database();
      const { deadLetters } = await place.open();
      expect([
        await deadLetters.get('unknown'),
        await deadLetters.replay('unknown'),
        await deadLetters.drop('unknown'),
        await deadLetters.list(),
      ]).toEqual([undefined, false, false, []]);
    });
  });
}

function letter(id: string): DeadLetter {
  const message = { id, topic: 'posts.created', key: 'p1', payload: '{"a":"ä"}', metadata: { 'correlation-id': 'r1' } };
  return { message, handler: 'projector', reason: 'It does not parse', at: '2026-03-01T12:00:00.000Z' };
}
