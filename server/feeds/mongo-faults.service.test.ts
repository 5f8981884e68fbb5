import { MongoClient } from 'mongodb';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freshMongoDatabase, type FreshDatabase } from '../../tests/services/databases.ts';
import { serviceUrl } from '../../tests/services/urls.ts';
import { mongoCollections } from './mongo-documents.ts';
import { Crash, interrupted, seesFeedsLate, type AtWrite } from './mongo-faults.fixtures.ts';
import { openMongoReadModel } from './mongo-read-model.ts';
import { REMEMBERED_CHANGES } from './projection.ts';
import {
  at,
  deleted,
  dumpOf,
  expectedDump,
  expectFoldsToPresent,
  expectListFoldsToPresent,
  written,
} from './read-model.fixtures.ts';
import type { PostState, ReadModel } from './read-model.ts';

const logger = pino({ level: 'silent' });
const clock = () => new Date();

/**
 * More writes than one `apply` of the batch below makes: 1 posts, 2 feeds made, 3 counts, 4 list; and soon after it has
 * resolved, or when it is closed, 5 pending, 6 open.
 */
const WRITES = [1, 2, 3, 4, 5, 6, 7];

const before = [
  written('a', ['kept', 'lost'], { createdAt: at(1) }),
  written('b', ['kept'], { createdAt: at(2) }),
  written('c', ['lost'], { createdAt: at(3) }),
];
const batch = [
  written('a', ['kept', 'new'], { createdAt: at(1), version: 2 }),
  deleted('b', 2, ['kept'], { createdAt: at(2) }),
  written('d', ['new', 'kept', 'other'], { createdAt: at(4) }),
];

/** Changes for which no feed has to be made, so that feeds are read but once: 1 posts, 2 counts, 3 list, 4 pending, 5 open. */
const inKnownFeeds = [
  written('a', ['kept', 'lost'], { createdAt: at(1), version: 2 }),
  written('b', ['kept', 'lost'], { createdAt: at(2), version: 2 }),
  written('d', ['kept'], { createdAt: at(4) }),
];

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
  const dyingAt = (write: number, how: 'die' | 'part') => openWith((n) => (n === write ? how : 'go'));

  /** A process that stops at a write, at which `paused` resolves, until `resume` is called. */
  const pausingAt = async (write: number) => {
    const paused = Promise.withResolvers<unknown>();
    const go = Promise.withResolvers<'go'>();
    const zombie = await openWith((n) => {
      if (n !== write) return 'go';
      paused.resolve(undefined);
      return go.promise;
    });
    return { zombie, paused: paused.promise, resume: () => go.resolve('go') };
  };

  beforeEach(async () => {
    database = await freshMongoDatabase();
    open = [];
    readModel = await openWith();
    await applyToTheEnd(await openWith(), before);
  });
  afterEach(async () => {
    await Promise.all(open.map((each) => each.close()));
    await database.drop();
  });

  /** Equal to what a rebuild gives, counts right to one, and nothing left undone. */
  async function expectTruth(states: readonly PostState[]): Promise<void> {
    expect(await dumpOf(readModel)).toEqual(expectedDump(states));
    const client = await MongoClient.connect(database.url);
    try {
      const { posts } = mongoCollections(client.db());
      await expect.poll(() => posts.countDocuments({ 'pending.feed': { $gte: '' } })).toBe(0);
    } finally {
      await client.close();
    }
    expect(await readModel.recount()).toEqual([]);
  }

  /** More changes of every feed than its ring remembers, by posts of their own. */
  async function muchTraffic(): Promise<PostState[]> {
    const states = Array.from({ length: REMEMBERED_CHANGES + 10 }, (_, n) => {
      return written(`t${n % 50}`, ['kept', 'new', 'lost', 'other'], {
        version: 1 + Math.floor(n / 50),
        createdAt: at(9),
      });
    });
    for (const state of states) await readModel.apply([state]);
    return states;
  }

  describe.each(WRITES)('and dies at write %i', (write) => {
    it.each(['die', 'part'] as const)('(%s) leaves nothing that its redelivery does not put right', async (how) => {
      const feeds = await Promise.all(['kept', 'lost'].map((name) => readModel.feedSnapshot(name)));
      const list = await readModel.feedsSnapshot();
      const process = await dyingAt(write, how);
      await applyToTheEnd(process, batch);
      await readModel.apply(batch);
      await expectTruth([...before, ...batch]);
      for (const held of feeds) await expectFoldsToPresent(readModel, held.state.name, held);
      await expectListFoldsToPresent(readModel, list);
    });

    it.each(['die', 'part'] as const)('(%s) may be followed by much traffic before the redelivery', async (how) => {
      const process = await dyingAt(write, how);
      await applyToTheEnd(process, batch);
      const traffic = await muchTraffic();
      await readModel.apply(batch);
      await expectTruth([...before, ...batch, ...traffic]);
    });

    it('leaves nothing that a later state of the same posts does not put right', async () => {
      const process = await dyingAt(write, 'part');
      await applyToTheEnd(process, batch);
      const later = [
        written('a', ['other'], { createdAt: at(1), version: 3 }),
        deleted('b', 2, ['kept'], { createdAt: at(2) }),
        deleted('d', 2),
      ];
      await readModel.apply(later);
      await expectTruth([...before, ...batch, ...later]);
    });

    it('leaves nothing that a recount does not put right', async () => {
      const process = await dyingAt(write, 'part');
      await applyToTheEnd(process, batch);
      await readModel.recount();
      await readModel.apply(batch);
      await expectTruth([...before, ...batch]);
    });
  });

  it('makes fewer writes than are interrupted here', async () => {
    let writes = 0;
    const process = await openWith((n) => {
      writes = n;
      return 'go';
    });
    await applyToTheEnd(process, batch);
    expect(writes).toBe(WRITES.length - 1);
  });

  it.each(WRITES)('may be paused at write %i while another does its work and much more', async (write) => {
    const { zombie, paused, resume } = await pausingAt(write);
    const done = applyToTheEnd(zombie, batch);
    await Promise.race([paused, done]);
    await readModel.apply(batch);
    const traffic = await muchTraffic();
    resume();
    await done;
    await expectTruth([...before, ...batch, ...traffic]);
  });

  it('counts nothing that was pending when it looked, and done when it read the feeds', async () => {
    const dead = await dyingAt(2, 'die');
    await applyToTheEnd(dead, inKnownFeeds);
    const seen = Promise.withResolvers<unknown>();
    const go = Promise.withResolvers<unknown>();
    const late = await openMongoReadModel({
      url: database.url,
      clock,
      logger,
      wrap: (collections) => seesFeedsLate(collections, () => seen.resolve(undefined), go.promise),
    });
    open.push(late);
    const done = late.apply(inKnownFeeds);
    await seen.promise;
    const other = await openWith();
    await applyToTheEnd(other, inKnownFeeds);
    go.resolve(undefined);
    await done;
    await expectTruth([...before, ...inKnownFeeds]);
  });

  it.each([1, 2, 3, 4])('may be paused at write %i in feeds that exist, where it counts at once', async (write) => {
    const { zombie, paused, resume } = await pausingAt(write);
    const done = applyToTheEnd(zombie, inKnownFeeds);
    await paused;
    await readModel.apply(inKnownFeeds);
    const more = [written('e', ['kept', 'lost']), written('f', ['lost'])];
    await readModel.apply(more);
    resume();
    await done;
    await expectTruth([...before, ...inKnownFeeds, ...more]);
  });

  it('may die while it forgets a post, at any write', async () => {
    for (const write of WRITES) {
      const process = await dyingAt(write, 'part');
      await process.forget('a').catch(ignoreCrash);
      await readModel.forget('a');
      await expectTruth(before.slice(1));
      await readModel.apply(before);
      await expectTruth(before);
    }
  });

  it.each(['die', 'part'] as const)('may %s before it has tidied up, and nothing comes again', async (how) => {
    for (const write of [5, 6]) {
      const process = await dyingAt(write, how);
      await process.apply(batch);
      await process.close();
    }
    expect(await dumpOf(readModel)).toEqual(expectedDump([...before, ...batch]));
    const traffic = await muchTraffic();
    expect(await readModel.recount()).toEqual([]);
    await expectTruth([...before, ...batch, ...traffic]);
  });

  it('tells the list of feeds once, though what it told is still to be tidied up', async () => {
    await readModel.apply(batch);
    const { version } = await readModel.feedsSnapshot();
    await readModel.apply(batch);
    expect((await readModel.feedsSnapshot()).version).toBe(version);
  });

  it('does not let a feed grow by what crashes leave in it', async () => {
    const states = Array.from({ length: 600 }, (_, n) => written(`p${n}`, ['kept']));
    for (let from = 0; from < states.length; from += 50) {
      const process = await dyingAt(from === 0 ? 5 : 4, 'die');
      await process.apply(states.slice(from, from + 50));
      await process.close();
    }
    const client = await MongoClient.connect(database.url);
    const open = async () => (await mongoCollections(client.db()).feeds.findOne({ _id: 'kept' }))?.open.length;
    expect(await open()).toBeGreaterThanOrEqual(600);
    await readModel.apply([written('last', ['kept'])]);
    await expect.poll(open).toBe(0);
    await client.close();
    await expectTruth([...before, ...states, written('last', ['kept'])]);
  });
});

/** Also does what is left to be done behind an `apply`. */
async function applyToTheEnd(process: ReadModel, states: readonly PostState[]): Promise<void> {
  await process.apply(states).catch(ignoreCrash);
  await process.close();
}

function ignoreCrash(error: unknown): void {
  if (!(error instanceof Crash)) throw error;
}
