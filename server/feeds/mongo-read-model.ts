import { MongoClient, type Db } from 'mongodb';
import { PermanentError } from '../messaging/errors.ts';
import { createIndexes, dropOldCollections, mongoCollections, type MongoCollections } from './mongo-documents.ts';
import { throughElections, watchMembers } from './mongo-elections.ts';
import { isMongoOutage } from './mongo-errors.ts';
import { mongoQueries } from './mongo-queries.ts';
import { mongoSessions } from './mongo-transaction.ts';
import { mongoWriter } from './mongo-writer.ts';
import { firstVersion } from './projection.ts';
import { ReadModelUnavailable, type ReadModel, type ReadModelOptions } from './read-model.ts';
import { unavailable, withTypedErrors } from './typed-errors.ts';

export type MongoReadModelOptions = ReadModelOptions & {
  /** A connection string; its path names the database (default `tagwire`). */
  readonly url: string;
  /** Stands between what writes and the driver: tests put faults there. */
  readonly wrap?: (collections: MongoCollections) => MongoCollections;
};

const DEFAULT_DATABASE = 'tagwire';
const NAMES_DATABASE = /^[^:]+:\/\/[^/]+\/[^?]/;

/**
 * The read model in MongoDB (6.0 or later, a replica set, be it of one). A batch of states is one transaction, and every
 * read that looks at more than one document sees one moment. Any number of processes may read and apply. Throws
 * `ReadModelUnavailable` where the server can't be reached within 5 s, then and later.
 */
export async function openMongoReadModel({ url, clock, logger, wrap }: MongoReadModelOptions): Promise<ReadModel> {
  const client = new MongoClient(url, {
    appName: 'tagwire',
    serverSelectionTimeoutMS: 5_000,
    // A member that says nothing, cut off or stopped, is given up after the sum of these two.
    heartbeatFrequencyMS: 1_000,
    connectTimeoutMS: 2_000,
    socketTimeoutMS: 30_000,
    // The outbox forgets what was applied, so that must survive a failover.
    writeConcern: { w: 'majority' },
  });
  const members = watchMembers(client);
  const database = databaseOf(client, url);
  const collections = wrap?.(mongoCollections(database)) ?? mongoCollections(database);
  const prepare = async (): Promise<void> => {
    await requireTransactions(database);
    await createIndexes(mongoCollections(database));
    const start = { version: firstVersion(clock()), changes: [], turns: 0 };
    await collections.lists.updateOne({ _id: 'feeds' }, { $setOnInsert: start }, { upsert: true });
  };
  try {
    await prepare();
  } catch (error) {
    await client.close();
    throw isMongoOutage(error) ? unavailable(error) : error;
  }
  logger.debug({ database: database.databaseName }, 'read model open');
  const sessions = mongoSessions(client, logger);
  const { lists } = collections;
  const queries = mongoQueries(mongoCollections(database), sessions);
  const secondary = mongoQueries(mongoCollections(database, { readPreference: 'secondaryPreferred' }), {
    ...sessions,
    snapshot: sessions.latestSnapshot,
  });
  const readModel: ReadModel = {
    ...queries,
    ...throughElections(queries, secondary, members),
    ...mongoWriter(collections, sessions, clock),
    prepare,
    isComplete: async () => {
      const list = await lists.findOne({ _id: 'feeds' }, { projection: { completeIn: 1 } });
      return list?.completeIn !== undefined && list.completeIn === (await identity(database));
    },
    markComplete: async () => {
      await dropOldCollections(database);
      await lists.updateOne({ _id: 'feeds' }, { $set: { completeIn: await identity(database) } });
    },
    ping: async () => void (await database.command({ ping: 1 })),
    close: () => client.close(),
  };
  return withTypedErrors(readModel, isMongoOutage);
}

async function requireTransactions(database: Db): Promise<void> {
  const { setName, msg, isreplicaset } = await database.command({ hello: 1 });
  if (setName !== undefined || msg === 'isdbgrid') return;
  if (isreplicaset === true) throw new ReadModelUnavailable("MongoDB's replica set has not been initiated yet");
  throw new PermanentError(
    'MongoDB runs alone, and has no transactions so: make it a replica set, be it of one (mongod --replSet NAME, then rs.initiate())',
  );
}

/** The database that a connection string names. */
export function databaseOf(client: MongoClient, url: string): Db {
  return client.db(NAMES_DATABASE.test(url) ? undefined : DEFAULT_DATABASE);
}

/** Which collections these are: one that was dropped and begun anew, by whoever wrote to it first, is another. */
async function identity(database: Db): Promise<string> {
  const names = Object.values(mongoCollections(database)).map(({ collectionName }) => collectionName);
  const collections = await database.listCollections({ name: { $in: names } }, { nameOnly: false }).toArray();
  return collections
    .map(({ name, info }) => `${name} ${String(info?.uuid)}`)
    .sort()
    .join(', ');
}
