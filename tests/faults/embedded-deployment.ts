import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { dataFiles } from '../../server/data-folder.ts';
import { startBalancer } from './balancer.ts';
import type { Deployment } from './deployment.ts';
import { BROKEN_ROWS } from './poison.ts';
import { serverLog } from './server-log.ts';
import { serverProcess } from './server-process.ts';

/** One server on SQLite files in a folder that outlives its kills. */
export async function startEmbedded(folder: string): Promise<Deployment> {
  const log = serverLog(folder);
  const dataDir = join(folder, 'data');
  const env = {
    DATA_DIR: dataDir,
    RENDERER_DIR: join(folder, 'renderer'),
    ALLOWED_HOSTS: '*', // the balancer has another port
    ...{ MYSQL_URL: '', MONGO_URL: '', NATS_URL: '' },
  };
  const server = await serverProcess('server', env, log);
  await server.start();
  const balancer = await startBalancer([server.port]);
  return {
    mode: 'embedded',
    servers: [server],
    survivor: undefined,
    balancer,
    services: undefined,
    log,
    stores: { services: undefined, dataDir },
    poison: () =>
      BROKEN_ROWS.map(({ topic, payload, metadata }) => {
        const id = `poison-${randomUUID()}`;
        return async () => {
          using database = new DatabaseSync(dataFiles(dataDir).writeFile, { timeout: 5_000 });
          database
            .prepare(
              `INSERT INTO outbox (id, topic, message_key, payload, metadata, created_at) VALUES (?, ?, ?, ?, ?, ?)
               ON CONFLICT (id) DO NOTHING`,
            )
            .run(id, topic, id, payload, metadata, Date.now());
          return id;
        };
      }),
    description: `SQLite ${process.versions.sqlite}`,
    async close() {
      await balancer.close();
      await server.stop();
    },
  };
}
