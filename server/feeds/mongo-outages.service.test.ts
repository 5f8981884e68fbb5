import { MongoClient } from 'mongodb';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freshMongoDatabase, type FreshDatabase } from '../../tests/services/databases.ts';
import { serviceUrl } from '../../tests/services/urls.ts';
import { kindOf } from '../messaging/errors.ts';
import { openMongoReadModel } from './mongo-read-model.ts';
import { at, dumpOf, expectedDump, written } from './read-model.fixtures.ts';
import type { PostState, ReadModel } from './read-model.ts';

/* Failpoints of MongoDB itself make the commands of our driver fail, as the server would where it is away. */

const CODES = [
  ['HostUnreachable', 6],
  ['HostNotFound', 7],
  ['MaxTimeMSExpired', 50],
  ['WriteConcernFailed', 64],
  ['NetworkTimeout', 89],
  ['ShutdownInProgress', 91],
  ['UnsatisfiableWriteConcern', 100],
  ['FailedToSatisfyReadPreference', 133],
  ['ReadConcernMajorityNotAvailableYet', 134],
  ['PrimarySteppedDown', 189],
  ['KeyNotFound', 211],
  ['ExceededTimeLimit', 262],
  ['SocketException', 9001],
  ['NotWritablePrimary', 10107],
  ['InterruptedAtShutdown', 11600],
  ['Interrupted', 11601],
  ['InterruptedDueToReplStateChange', 11602],
  ['NotPrimaryNoSecondaryOk', 13435],
  ['NotPrimaryOrSecondary', 13436],
  ['OutOfDiskSpace', 14031],
] as const;

/** Every command that the read model sends once it is open. */
const COMMANDS = [
  'find',
  'aggregate',
  'insert',
  'update',
  'findAndModify',
  'commitTransaction',
  'abortTransaction',
  'listCollections',
  'ping',
];

type Failure = { errorCode?: number; closeConnection?: boolean; writeConcernError?: object };

describe.skipIf(!serviceUrl('mongo'))('an outage of MongoDB', { timeout: 120_000 }, () => {
  let database: FreshDatabase;
  let admin: MongoClient;
  let readModel: ReadModel;
  const applied: PostState[] = [];
  let count = 0;

  const fail = async (failCommands: readonly string[], failure: Failure, mode: object | string = 'alwaysOn') => {
    const data = { failCommands, appName: 'tagwire', ...failure };
    await admin.db('admin').command({ configureFailPoint: 'failCommand', mode, data });
  };
  const mend = () => admin.db('admin').command({ configureFailPoint: 'failCommand', mode: 'off' });
  const aState = (version = 1) => {
    const state = written(`p${version > 1 ? 0 : count++}`, ['kept', `t${count % 3}`], {
      version,
      createdAt: at(count),
    });
    applied.push(state);
    return state;
  };

  beforeAll(async () => {
    database = await freshMongoDatabase();
    admin = await MongoClient.connect(database.url);
    readModel = await openMongoReadModel({
      url: database.url,
      clock: () => new Date(),
      logger: pino({ level: 'silent' }),
    });
    await readModel.apply([aState()]);
  });
  afterEach(mend);
  afterAll(async () => {
    await readModel.close();
    await admin.close();
    await database.drop();
  });

  /** All that may be asked of the read model, and what became of it: done, or the kind of its error. */
  async function askAll(): Promise<Record<string, string>> {
    const { version } = { version: 1 };
    const asked: Record<string, () => Promise<unknown>> = {
      post: () => readModel.post('p0'),
      feed: () => readModel.feed('kept'),
      feeds: () => readModel.feeds(),
      search: () => readModel.search('title'),
      feedSnapshot: () => readModel.feedSnapshot('kept'),
      feedChanges: () => readModel.feedChanges('kept', version),
      feedsSnapshot: () => readModel.feedsSnapshot(),
      feedsChanges: () => readModel.feedsChanges(version),
      postSnapshot: () => readModel.postSnapshot('p0'),
      page: () => readModel.page(undefined, 10),
      isComplete: () => readModel.isComplete(),
      markComplete: () => readModel.markComplete(),
      recount: () => readModel.recount(),
      forget: () => readModel.forget('never'),
      ping: () => readModel.ping(),
      'apply of a new post': () => readModel.apply([aState()]),
      'apply of an edit': () => readModel.apply([aState(count + 1)]),
    };
    const outcome = async ([name, ask]: [string, () => Promise<unknown>]) => {
      const kind = await ask().then(
        () => 'done',
        (error: unknown) => kindOf(error) ?? `unknown: ${String(error)}`,
      );
      return [name, kind] as const;
    };
    return Object.fromEntries(await Promise.all(Object.entries(asked).map(outcome)));
  }

  async function expectOutage(outcomes: Record<string, string>, all: boolean): Promise<void> {
    const others = Object.entries(outcomes).filter(([, kind]) => kind !== 'outage' && (all || kind !== 'done'));
    expect(Object.fromEntries(others)).toEqual({});
  }

  async function expectAllRightAgain(): Promise<void> {
    await mend();
    await readModel.apply(applied);
    expect(await dumpOf(readModel)).toEqual(expectedDump(applied));
    expect(await readModel.recount()).toEqual([]);
  }

  it.each(CODES)('(%s, on every command) is said to be one, whatever is asked', async (_, errorCode) => {
    await fail(COMMANDS, { errorCode });
    await expectOutage(await askAll(), true);
    await expectAllRightAgain();
  });

  it('(connections closed, on every command) is said to be one, whatever is asked', async () => {
    await fail(COMMANDS, { closeConnection: true });
    await expectOutage(await askAll(), true);
    await expectAllRightAgain();
  });

  it.each(COMMANDS)('(connections closed, on %s alone) is said to be one where it is felt', async (command) => {
    await fail([command], { closeConnection: true });
    await expectOutage(await askAll(), false);
    await expectAllRightAgain();
  });

  it.each(['update', 'insert', 'commitTransaction'])(
    '(stepping down, on %s alone) is said to be one where it is felt',
    async (command) => {
      await fail([command], { errorCode: 189 });
      await expectOutage(await askAll(), false);
      await expectAllRightAgain();
    },
  );

  it.each([64, 91, 11602])('(no majority takes what is committed: %i) is said to be one', async (code) => {
    await fail(['commitTransaction', 'update'], { writeConcernError: { code, errmsg: 'made up' } });
    await expectOutage(await askAll(), false);
    await expectAllRightAgain();
  });

  it('(a connection closed once or twice) is not noticed by readers', async () => {
    await fail(['find'], { closeConnection: true }, { times: 1 });
    expect(await readModel.feed('kept')).toMatchObject({ name: 'kept' });
  });

  it('is not taken for one where the command itself is wrong', async () => {
    await fail(['find'], { errorCode: 2 });
    expect(Object.values(await askAll())).toContainEqual(expect.stringContaining('unknown: MongoServerError'));
  });
});
