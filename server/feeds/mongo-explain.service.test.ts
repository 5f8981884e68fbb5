import { MongoClient, type Document } from 'mongodb';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshMongoDatabase, type FreshDatabase } from '../../tests/services/databases.ts';
import { serviceUrl } from '../../tests/services/urls.ts';
import { crowdPost, crowdWord, fillWithCrowd } from './mongo-crowd.fixtures.ts';
import { openMongoReadModel } from './mongo-read-model.ts';
import { at, written } from './read-model.fixtures.ts';
import type { ReadModel } from './read-model.ts';

/** Enough that whatever looks at all of them is noticed. */
const POSTS = 6_000;
const MAX_EXAMINED_PER_RETURNED = 3;
const MAX_EXAMINED_BY_SEARCH = 300;

/* MongoDB's own profiler tells of every command that our driver sends. */
describe.skipIf(!serviceUrl('mongo'))('what the read model asks of MongoDB', { timeout: 120_000 }, () => {
  let database: FreshDatabase;
  let client: MongoClient;
  let readModel: ReadModel;

  beforeAll(async () => {
    database = await freshMongoDatabase();
    client = await MongoClient.connect(database.url);
    readModel = await openMongoReadModel({
      url: database.url,
      clock: () => new Date(),
      logger: pino({ level: 'silent' }),
    });
    await fillWithCrowd(database.url, POSTS);
    const some = Array.from({ length: 40 }, (_, n) => written(`new${n}`, ['feed0', 'feed1'], { createdAt: at(n) }));
    for (const state of some) await readModel.apply([state]);
  }, 120_000);
  afterAll(async () => {
    await readModel.close();
    await client.close();
    await database.drop();
  });

  async function profileOf(ask: () => Promise<unknown>): Promise<Document[]> {
    const db = client.db();
    await db.command({ profile: 0 });
    await db.collection('system.profile').drop();
    await db.command({ profile: 2, slowms: 0, filter: { appName: 'tagwire' } });
    await ask();
    await db.command({ profile: 0 });
    return db.collection('system.profile').find().toArray();
  }

  const sum = (entries: Document[], field: string) =>
    entries.reduce((sum, entry) => sum + Number(entry[field] ?? 0), 0);

  function expectIndexes(entries: Document[]): void {
    expect(entries.length).toBeGreaterThan(0);
    expect(entries.filter(({ planSummary }) => String(planSummary).includes('COLLSCAN'))).toEqual([]);
    expect(entries.filter(({ hasSortStage }) => hasSortStage === true)).toEqual([]);
  }

  const cursorOf = async (page: Promise<{ next: string | null }>) => (await page).next ?? undefined;
  const since = async (back: number) => (await readModel.feedSnapshot('feed0')).version - back;
  const queries: Record<string, () => Promise<unknown>> = {
    'the first page of a feed': () => readModel.feed('feed0'),
    'the next page of a feed': async () => readModel.feed('feed0', { cursor: await cursorOf(readModel.feed('feed0')) }),
    'a feed that is not there': () => readModel.feed('never'),
    'the list of feeds': () => readModel.feeds(),
    'a feed by its name': () => readModel.feeds({ q: 'feed' }),
    'a post': () => readModel.post(crowdPost(7).id),
    'the state of a post': () => readModel.postSnapshot(crowdPost(7).id),
    'the state of a feed': () => readModel.feedSnapshot('feed0'),
    'the state of the list': () => readModel.feedsSnapshot(),
    'a few changes of a feed': async () => readModel.feedChanges('feed0', await since(3)),
    'changes of a feed from farther back': async () => readModel.feedChanges('feed0', await since(38)),
    'changes of the list': async () => readModel.feedsChanges((await readModel.feedsSnapshot()).version - 3),
    'a page of verify': () => readModel.page(crowdPost(70).id, 100),
    'whether it is complete': () => readModel.isComplete(),
  };

  it.each(Object.entries(queries))(
    '%s is read by an index, in its order, and hardly more than is given',
    async (_, ask) => {
      const entries = await profileOf(ask);
      expectIndexes(entries);
      for (const { docsExamined = 0, nreturned = 0 } of entries) {
        expect(Number(docsExamined)).toBeLessThanOrEqual(MAX_EXAMINED_PER_RETURNED * Math.max(1, Number(nreturned)));
      }
    },
  );

  it.each([
    ['new posts', () => [written('brand-new', ['feed0', 'feed3']), written('other-new', ['feed7'])]],
    ['an edit', () => [written('new5', ['feed0', 'feed9'], { version: 2 })]],
  ])('%s are written by an index', async (_, states) => {
    const entries = await profileOf(() => readModel.apply(states()));
    expectIndexes(entries);
    expect(sum(entries, 'docsExamined')).toBeLessThan(20);
  });

  const [common, frequent, rare] = [crowdWord(0), crowdWord(40), crowdWord(5_000)] as [string, string, string];
  it.each([
    ['a common word', common],
    ['a rare word', rare],
    ['one letter', 'a'],
    ['two letters', common.slice(0, 2)],
    ['a beginning of many words', common.slice(0, 3)],
    ['two common words', `${common} ${crowdWord(1)}`],
    ['a common and a rare word', `${common} ${rare}`],
    ['a rare and a common word', `${rare} ${common}`],
    ['words that never meet', 'evenly oddly'],
    ['beginnings that never meet', 'even odd'],
    ['a common word and one that is nowhere', `${common} qqqqqq`],
    ['one that is nowhere and a common word', `qqqqqq ${common}`],
    ['what is nowhere', 'qqqqqq'],
    ['five words', [2, 3, 5, 8, 13].map(crowdWord).join(' ')],
    ['a frequent word of an author', `${frequent} author`],
  ])('a search for %s reads few posts, by indexes, in their order', async (_, q) => {
    const entries = await profileOf(() => readModel.search(q));
    expectIndexes(entries);
    expect(sum(entries, 'docsExamined')).toBeLessThanOrEqual(MAX_EXAMINED_BY_SEARCH);
  });

  it.each([`${common} ${rare}`, 'evenly oddly', `${frequent} ${common} author`, 'ev au', common.slice(0, 3)])(
    'a search for %j finds all that have the words, page by page, in whatever order they are typed',
    async (q) => {
      const words = q.split(' ');
      const expected = Array.from({ length: POSTS }, (_, n) => crowdPost(n)).filter(
        ({ title, content, author, tags }) => {
          const all = `${title} ${content} ${author} ${tags.join(' ')}`.toLowerCase().split(/[\s#]+/);
          return words.every((word) => all.some((each) => each.startsWith(word)));
        },
      );
      for (const typed of [q, words.toReversed().join(' ')]) {
        const found: string[] = [];
        for (let cursor: string | undefined; ;) {
          const page = await readModel.search(typed, { cursor, limit: 500 });
          found.push(...page.posts.map(({ id }) => id));
          if (page.next === null) break;
          cursor = page.next;
        }
        expect(found.filter((id) => !id.startsWith('new'))).toEqual(expected.map(({ id }) => id).toReversed());
      }
    },
  );
});
