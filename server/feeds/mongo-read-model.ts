import { MongoClient } from 'mongodb';
import { setTimeout as delay } from 'node:timers/promises';
import { createIndexes, mongoCollections, type MongoCollections } from './mongo-documents.ts';
import { mongoQueries } from './mongo-queries.ts';
import { mongoWriter } from './mongo-writer.ts';
import { isMongoUnavailable } from './mongo-unavailable.ts';
import { firstVersion } from './projection.ts';
import type { ReadModel, ReadModelOptions } from './read-model.ts';
import { unavailable, withTypedErrors } from './typed-errors.ts';

export type MongoReadModelOptions = ReadModelOptions & {
  /** A connection string; its path names the database (default `tagwire`). */
  readonly url: string;
  /** Stands between what writes and the driver: tests put faults there. */
  readonly wrap?: (collections: MongoCollections) => MongoCollections;
};

/** A database that is away need not be tidied up before the end. */
const FAREWELL_LIMIT_MS = 2_000;
const DEFAULT_DATABASE = 'tagwire';
const NAMES_DATABASE = /^[^:]+:\/\/[^/]+\/[^?]/;

/**
 * The read model in MongoDB (4.4 or later), by single-document atomic operators alone. Any number of processes may
 * read and apply. Every read looks at the version first and at the state after it, and every writer does it the other
 * way round: so a state may be ahead of its version, never behind, and the changes that follow can be put on top.
 * Throws `ReadModelUnavailable` where the server can't be reached within 5 s, then and later.
 */
export async function openMongoReadModel({ url, clock, logger, wrap }: MongoReadModelOptions): Promise<ReadModel> {
  const client = new MongoClient(url, {
    appName: 'tagwire',
    serverSelectionTimeoutMS: 5_000,
    connectTimeoutMS: 5_000,
    socketTimeoutMS: 30_000,
    // The outbox forgets what was applied, so that must survive a failover.
    writeConcern: { w: 'majority' },
  });
  const database = client.db(NAMES_DATABASE.test(url) ? undefined : DEFAULT_DATABASE);
  const collections = mongoCollections(database);
  try {
    await createIndexes(collections);
    const start = { version: firstVersion(clock()), changes: [] };
    await collections.lists.updateOne({ _id: 'feeds' }, { $setOnInsert: start }, { upsert: true });
  } catch (error) {
    await client.close();
    throw isMongoUnavailable(error) ? unavailable(error) : error;
  }
  logger.debug({ database: database.databaseName }, 'read model open');
  const wrapped = wrap?.(collections) ?? collections;
  const { tidy, ...writer } = mongoWriter(wrapped, clock, logger);
  const readModel: ReadModel = {
    // A state that a failover takes back must not be seen: its version comes again, and stands for another state then.
    ...mongoQueries(mongoCollections(database, { readConcern: { level: 'majority' } })),
    ...writer,
    isComplete: async () => (await wrapped.lists.countDocuments({ _id: 'feeds', complete: true })) > 0,
    markComplete: async () => void (await wrapped.lists.updateOne({ _id: 'feeds' }, { $set: { complete: true } })),
    ping: async () => void (await database.command({ ping: 1 })),
    close: async () => {
      await Promise.race([tidy(), delay(FAREWELL_LIMIT_MS, undefined, { ref: false })]);
      await client.close();
    },
  };
  return withTypedErrors(readModel, isMongoUnavailable);
}
