import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { dataFiles } from '../data-folder.ts';
import { openMongoReadModel } from '../feeds/mongo-read-model.ts';
import type { ReadModel } from '../feeds/read-model.ts';
import { openSqliteReadModel } from '../feeds/sqlite-read-model.ts';
import { openMysqlPosts } from '../posts/mysql-post-store.ts';
import type { WriteModel } from '../posts/post-store.ts';
import { openSqlitePosts } from '../posts/sqlite-post-store.ts';

/** Both models as a server has them, for tools that work beside running servers: without pub/sub and folder lock. */
export type Stores = { readonly write: WriteModel; readonly readModel: ReadModel; close(): Promise<void> };

export type StoresOptions = Pick<Config, 'services' | 'dataDir'> & {
  readonly logger: Logger;
  readonly signal: AbortSignal;
};

/** Opens the models of the deployment that is configured. Throws where one can't be reached. */
export async function openStores({ services, dataDir, logger, signal }: StoresOptions): Promise<Stores> {
  await using undo = new AsyncDisposableStack();
  const files = dataFiles(dataDir);
  const write = services
    ? await openMysqlPosts({ url: services.mysql, logger, signal })
    : openSqlitePosts({ path: files.writeFile, logger });
  undo.defer(() => write.close());
  const clock = () => new Date();
  const readModel = services
    ? await openMongoReadModel({ url: services.mongo, clock, logger })
    : await openSqliteReadModel({ path: files.readFile, clock, logger });
  undo.defer(() => readModel.close());
  const opened = undo.move();
  return { write, readModel, close: () => opened.disposeAsync() };
}
