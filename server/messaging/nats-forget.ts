import { jetstreamManager } from '@nats-io/jetstream';
import { openConnection, type NatsServerOptions } from './nats-connection.ts';
import { streamInfo } from './nats-streams.ts';

/** Deletes a stream with all that is in it, if it is there. */
export async function forgetStream(options: NatsServerOptions, stream: string): Promise<void> {
  const connection = await openConnection(options);
  try {
    const manager = await jetstreamManager(connection);
    if (await streamInfo(manager, stream)) await manager.streams.delete(stream);
  } finally {
    await connection.close();
  }
}
