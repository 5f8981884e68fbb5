import { MongoClient } from 'mongodb';
import { databaseOf } from './mongo-read-model.ts';

/** Drops the read model: for when its write model becomes another one. A server makes it anew when it starts. */
export async function forgetMongoReadModel(url: string): Promise<void> {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 5_000 });
  try {
    // One by one, which every user who may write may do.
    for (const collection of await databaseOf(client, url).collections()) await collection.drop();
  } finally {
    await client.close();
  }
}
