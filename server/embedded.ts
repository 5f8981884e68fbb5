import type { Logger } from 'pino';
import type { Backend } from './backend.ts';
import { mustBeWhole, openDataFolder } from './data-folder.ts';
import { openMendedReadModel } from './feeds/mended-read-model.ts';
import { InProcessPubSub } from './messaging/in-process.ts';
import { openSqlitePosts } from './posts/sqlite-post-store.ts';

export type EmbeddedOptions = { readonly dataDir: string; readonly logger: Logger };

/**
 * The deployment without services: SQLite files in `dataDir`, pub/sub within the process. Throws `DataFolderError`,
 * and `DatabaseTooNew` for files of a later release.
 */
export async function openEmbedded({ dataDir, logger }: EmbeddedOptions): Promise<Backend> {
  await using undo = new AsyncDisposableStack();
  const folder = openDataFolder(dataDir);
  undo.defer(() => folder.release());
  mustBeWhole(dataDir);
  const write = openSqlitePosts({ path: folder.writeFile, logger });
  undo.defer(() => write.close());
  const readModel = await openMendedReadModel({ path: folder.readFile, clock: () => new Date(), logger });
  undo.defer(() => readModel.close());
  const pubsub = new InProcessPubSub({
    onError: (error) => logger.error({ err: error }, 'A receiver of a message failed'),
  });
  undo.defer(() => pubsub.close());
  const opened = undo.move();
  return {
    posts: write.store,
    outbox: write.outbox,
    deadLetters: write.deadLetters,
    readModel,
    publisher: pubsub,
    subscriber: pubsub,
    forgetful: true,
    checks: { writeModel: () => write.store.ping(), readModel: () => readModel.ping() },
    close: () => opened.disposeAsync(),
  };
}
