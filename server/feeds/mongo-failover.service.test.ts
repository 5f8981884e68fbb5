import { MongoClient, type Document } from 'mongodb';
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { startMongoSet } from '../../tests/services/mongo.ts';
import type { RunningService } from '../../tests/services/service.ts';
import { serviceUrl } from '../../tests/services/urls.ts';
import { retry } from '../messaging/retry.ts';
import { openMongoReadModel } from './mongo-read-model.ts';
import { ReadModelUnavailable } from './read-model.ts';
import { at, dumpOf, expectedDump, expectFoldsToPresent, written } from './read-model.fixtures.ts';

async function admin(member: RunningService, command: Document): Promise<Document> {
  const client = await MongoClient.connect(`${member.url}/?directConnection=true`);
  try {
    return await client.db('admin').command(command);
  } finally {
    await client.close();
  }
}

describe.skipIf(!serviceUrl('mongo'))('a failover of MongoDB', { timeout: 120_000 }, () => {
  it('takes back what no majority had, and leaves no count and no version wrong', async () => {
    await using set = await startMongoSet(3);
    const url = set.url.replace('/?', '/failover?');
    await using undo = new AsyncDisposableStack();
    const open = async () => {
      const model = await openMongoReadModel({ url, clock: () => new Date(), logger: pino({ level: 'silent' }) });
      undo.defer(() => model.close());
      return model;
    };
    const [p, q, reader] = [await open(), await open(), await open()];
    const base = written('base', ['kept'], { createdAt: at(1) });
    await p.apply([base]);
    const held = await reader.feedSnapshot('kept');

    // From now on the primary is alone with what it writes.
    const primary = await set.primary();
    const others = set.members.filter((member) => member !== primary);
    for (const member of others) {
      await admin(member, { configureFailPoint: 'stopReplProducer', mode: 'alwaysOn' });
    }
    const states = [
      written('p1', ['kept'], { createdAt: at(2) }),
      written('base', ['kept', 'more'], { createdAt: at(1), version: 2 }),
    ];
    const outcomes = Promise.allSettled([p.apply(states.slice(0, 1)), q.apply(states.slice(1))]);
    const client = await MongoClient.connect(`${primary.url}/failover?directConnection=true`);
    const onPrimary = async () => {
      const feeds = (await client.db().listCollections().toArray()).find(({ name }) => name.startsWith('feeds'));
      const feed = await client
        .db()
        .collection(feeds?.name ?? 'feeds')
        .findOne({ _id: 'kept' as never });
      return Number(feed?.['version']);
    };
    await expect.poll(onPrimary, { timeout: 20_000 }).toBeGreaterThan(held.version);
    await client.close();
    expect(await reader.feedSnapshot('kept')).toEqual(held); // nobody is shown it

    await primary.kill('SIGKILL');
    for (const member of others) await admin(member, { configureFailPoint: 'stopReplProducer', mode: 'off' });
    await outcomes;
    const patiently = { maxOutages: 100, initialMs: 50, maxMs: 500 };
    await retry(() => q.apply([...states, base]), patiently); // their redelivery
    await primary.restart();
    const last = written('last', ['kept'], { createdAt: at(3) });
    await retry(() => p.apply([last]), patiently);

    expect(await dumpOf(reader)).toEqual(expectedDump([base, ...states, last]));
    expect(await reader.recount()).toEqual([]);
    await expectFoldsToPresent(reader, 'kept', held);
  });

  it.each(['SIGKILL', 'SIGSTOP'] as const)(
    'leaves what was seen to be read while there is no primary (%s)',
    async (signal) => {
      await using set = await startMongoSet(3);
      const url = set.url.replace('/?', '/election?');
      const model = await openMongoReadModel({ url, clock: () => new Date(), logger: pino({ level: 'silent' }) });
      await using undo = new AsyncDisposableStack();
      undo.defer(() => model.close());
      await model.apply([
        written('one', ['kept'], { createdAt: at(1) }),
        written('two', ['kept'], { createdAt: at(2) }),
      ]);
      const held = await model.feedSnapshot('kept');
      const list = await model.feedsSnapshot();
      const found = await model.search('one');

      const primary = await set.primary();
      const [other] = set.members.filter((member) => member !== primary);
      for (const member of [primary, other]) {
        if (member?.pid === undefined) continue;
        process.kill(member.pid, signal);
        undo.defer(() => void (member.pid !== undefined && process.kill(member.pid, 'SIGCONT')));
      }

      const { version } = held;
      expect(await model.feedSnapshot('kept')).toEqual(held);
      expect(await model.feedsSnapshot()).toEqual(list);
      expect(await model.search('one')).toEqual(found);
      expect(await model.feedChanges('kept', version)).toMatchObject({ from: version, version });
      // Whoever has seen more elsewhere gets nothing older.
      await expect(model.feedChanges('kept', version + 1)).rejects.toBeInstanceOf(ReadModelUnavailable);
      await expect(model.feedsChanges(list.version + 1)).rejects.toBeInstanceOf(ReadModelUnavailable);
    },
  );
});
