import { jetstreamManager } from '@nats-io/jetstream';
import { pino } from 'pino';
import { openMongoReadModel } from '../../../server/feeds/mongo-read-model.ts';
import { openConnection } from '../../../server/messaging/nats-connection.ts';
import { openMysqlPosts } from '../../../server/posts/mysql-post-store.ts';
import { freshMongoDatabase, freshMysqlDatabase, freshName } from '../../services/databases.ts';
import { startMongo } from '../../services/mongo.ts';
import { startMysql } from '../../services/mysql.ts';
import { startNats } from '../../services/nats.ts';
import { openBareMysql } from './bare.ts';
import type { Deployment, Stand } from './deployment.ts';
import { fillMongo } from './fill-mongo.ts';
import { fillMysql } from './fill-mysql.ts';

/** MySQL, MongoDB and NATS, started for this run unless the environment names them. */
export async function sharedDeployment(): Promise<Deployment> {
  await using undo = new AsyncDisposableStack();
  const started = await Promise.allSettled([startMysql(), startMongo(), startNats()]);
  const services = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  for (const service of services) undo.defer(() => service.stop());
  for (const result of started) if (result.status === 'rejected') throw result.reason;
  const [mysql, mongo, nats] = services.map(({ url }) => url) as [string, string, string];
  const logger = pino({ level: 'warn' });
  const ended = undo.move();

  return {
    name: 'shared',
    services: services.map(({ name, version }) => `${name} ${version}`),
    async stores() {
      await using opening = new AsyncDisposableStack();
      const bare = opening.use(await openBareMysql(opening.use(await freshMysqlDatabase(mysql)).url));
      const model = await openMysqlPosts({ url: opening.use(await freshMysqlDatabase(mysql)).url, logger });
      opening.defer(() => model.close());
      const open = opening.move();
      return { bare, model, [Symbol.asyncDispose]: () => open.disposeAsync() };
    },
    async bareStand() {
      const database = await freshMysqlDatabase(mysql);
      return { env: { BARE_MYSQL: database.url }, [Symbol.asyncDispose]: () => database.drop() };
    },
    async stand(posts): Promise<Stand> {
      await using opening = new AsyncDisposableStack();
      const write = opening.use(await freshMysqlDatabase(mysql));
      const read = opening.use(await freshMongoDatabase(mongo));
      const prefix = freshName('bench').slice(0, 32);
      opening.defer(() => removeStream(nats, prefix));
      await (await openMysqlPosts({ url: write.url, logger })).close();
      const readModel = await openMongoReadModel({ url: read.url, clock: () => new Date(), logger });
      await readModel.markComplete(); // or the server would look at all of it before it starts
      await readModel.close();
      await Promise.all([fillMysql(write.url, posts), fillMongo(read.url, posts)]);
      const open = opening.move();
      return {
        env: { MYSQL_URL: write.url, MONGO_URL: read.url, NATS_URL: nats, NATS_PREFIX: prefix },
        [Symbol.asyncDispose]: () => open.disposeAsync(),
      };
    },
    readModel: ({ env }) => openMongoReadModel({ url: env['MONGO_URL'] ?? '', clock: () => new Date(), logger }),
    writeModel: ({ env }) => openMysqlPosts({ url: env['MYSQL_URL'] ?? '', logger }),
    [Symbol.asyncDispose]: () => ended.disposeAsync(),
  };
}

/** The server names its stream after the prefix (server/shared.ts). */
async function removeStream(url: string, prefix: string): Promise<void> {
  const connection = await openConnection({ url });
  try {
    await (await jetstreamManager(connection)).streams.delete(prefix.toUpperCase()).catch(() => false);
  } finally {
    await connection.close();
  }
}
