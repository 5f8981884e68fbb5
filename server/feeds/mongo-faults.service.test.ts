import { MongoClient } from 'mongodb';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freshMongoDatabase, type FreshDatabase } from '../../tests/services/databases.ts';
import { serviceUrl } from '../../tests/services/urls.ts';
import { Crash, interrupted, type AtWrite } from './mongo-faults.fixtures.ts';
import { openMongoReadModel } from './mongo-read-model.ts';
import { at, deleted, dumpOf, expectedDump, expectFoldsToPresent, written } from './read-model.fixtures.ts';
import type { PostState, ReadModel } from './read-model.ts';

const logger = pino({ level: 'silent' });
const clock = () => new Date();

/** Writes of one `apply`: 1 the turn, 2 posts, 3 feeds, 4 the list; where all posts are new, 1 the list, 2 posts, 3 feeds. */
const WRITES = [1, 2, 3, 4];

const before = [
  written('a', ['kept', 'lost'], { createdAt: at(1) }),
  written('b', ['kept'], { createdAt: at(2) }),
  written('c', ['lost'], { createdAt: at(3) }),
];
const changes = [
  written('a', ['kept', 'new'], { createdAt: at(1), version: 2 }),
  deleted('b', 2, ['kept'], { createdAt: at(2) }),
  written('d', ['new', 'kept', 'other'], { createdAt: at(4) }),
];
const additions = [written('d', ['kept', 'new'], { createdAt: at(4) }), written('e', ['new'], { createdAt: at(5) })];

describe.skipIf(!serviceUrl('mongo'))('a process that applies to MongoDB', () => {
  let database: FreshDatabase;
  let readModel: ReadModel;
  let open: ReadModel[];

  const openWith = async (atWrite?: AtWrite) => {
    const wrap = atWrite && ((collections: Parameters<typeof interrupted>[0]) => interrupted(collections, atWrite));
    const each = await openMongoReadModel({ url: database.url, clock, logger, wrap });
    open.push(each);
    return each;
  };
  /** The first write is that of opening. */
  const atWriteOfApply = (write: number, what: () => ReturnType<AtWrite>) =>
    openWith((n) => (n === write + 1 ? what() : 'go'));

  beforeEach(async () => {
    database = await freshMongoDatabase();
    open = [];
    readModel = await openWith();
    await readModel.apply(before);
  });
  afterEach(async () => {
    await Promise.all(open.map((each) => each.close()));
    await database.drop();
  });

  async function expectTruth(states: readonly PostState[]): Promise<void> {
    expect(await dumpOf(readModel)).toEqual(expectedDump(states));
    expect(await readModel.recount()).toEqual([]);
  }

  describe.each([
    ['changes of posts', changes],
    ['new posts', additions],
  ])('and dies amid %s', (_, batch) => {
    it.each(WRITES)('(before write %i) has done nothing, and its redelivery does all', async (write) => {
      const held = await readModel.feedSnapshot('kept');
      const dying = await atWriteOfApply(write, () => 'die');
      const died = await dying.apply(batch).catch((error: unknown) => error);
      if (died instanceof Crash) await expectTruth(before);
      else expect(write).toBeGreaterThan(batch === additions ? 3 : 4);
      await readModel.apply(batch);
      await expectTruth([...before, ...batch]);
      await expectFoldsToPresent(readModel, 'kept', held);
    });

    it.each(WRITES.slice(1))('or is paused there (before write %i) holds nobody up for long', async (write) => {
      const paused = Promise.withResolvers<undefined>();
      const go = Promise.withResolvers<'go'>();
      const zombie = await atWriteOfApply(write, () => {
        paused.resolve(undefined);
        return go.promise;
      });
      const done = zombie.apply(batch);
      await Promise.race([paused.promise, done]);
      const traffic = Array.from({ length: 20 }, (_, n) => written(`t${n}`, ['kept', 'new', 'lost']));
      await readModel.apply(traffic);
      await readModel.apply(batch);
      go.resolve('go');
      await done;
      await expectTruth([...before, ...batch, ...traffic]);
    });
  });

  it('may die while it forgets a post, at any write', async () => {
    for (const write of WRITES) {
      const dying = await atWriteOfApply(write, () => 'die');
      await dying.forget('a').catch((error: unknown) => {
        if (!(error instanceof Crash)) throw error;
      });
      await readModel.forget('a');
      await expectTruth(before.slice(1));
      await readModel.apply(before);
      await expectTruth(before);
    }
  });

  it('takes a first version that was applied before for what it is', async () => {
    const [version] = [(await readModel.feedSnapshot('kept')).version];
    await readModel.apply(before);
    expect((await readModel.feedSnapshot('kept')).version).toBe(version);
    await readModel.apply([...before, written('new', ['kept'])]);
    await expectTruth([...before, written('new', ['kept'])]);
  });

  it('leaves no document in the shape of another release, once it has made its own', async () => {
    const client = await MongoClient.connect(database.url);
    await client.db().collection('posts').insertOne({ token: 'x' });
    await readModel.markComplete();
    const names = (await client.db().listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name);
    await client.close();
    expect(names).not.toContain('posts');
  });
});
