import { MongoClient } from 'mongodb';
import pino from 'pino';
import { freshMongoDatabase } from '../../tests/services/databases.ts';
import { mongoCollections } from './mongo-documents.ts';
import { openMongoReadModel } from './mongo-read-model.ts';
import type { ReadModelPlace } from './read-model.contract.ts';
import type { ReadModel } from './read-model.ts';

const logger = pino({ level: 'silent' });

/** A read model in a database of its own. */
export async function newMongoPlace(): Promise<ReadModelPlace> {
  const database = await freshMongoDatabase();
  const open: ReadModel[] = [];
  const closeAll = () => Promise.all(open.splice(0).map((readModel) => readModel.close()));
  return {
    open: async (clock) => {
      const readModel = await openMongoReadModel({ url: database.url, clock, logger });
      open.push(readModel);
      return readModel;
    },
    wipe: async () => {
      await closeAll();
      await database.drop();
    },
    miscount: async (feed, by) => {
      const client = await MongoClient.connect(database.url);
      await mongoCollections(client.db()).feeds.updateOne({ _id: feed }, { $inc: { posts: by } });
      await client.close();
    },
    dispose: async () => {
      await closeAll();
      await database.drop();
    },
  };
}
