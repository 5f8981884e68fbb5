import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { dataFiles } from '../../../server/data-folder.ts';
import { openSqliteReadModel } from '../../../server/feeds/sqlite-read-model.ts';
import { openSqlitePosts } from '../../../server/posts/sqlite-post-store.ts';
import { whenThisProcessEnds } from '../../services/own-process.ts';
import { openBareSqlite } from './bare.ts';
import type { Deployment, Stand } from './deployment.ts';
import { fillSqlite } from './fill-sqlite.ts';

/** SQLite files in a temporary folder, which is removed at the end, however that comes. */
export async function embeddedDeployment(): Promise<Deployment> {
  const root = await mkdtemp(join(tmpdir(), 'tagwire-bench-'));
  const release = whenThisProcessEnds(() => rmSync(root, { recursive: true, force: true }));
  let made = 0;
  const folder = async () => {
    const path = join(root, String((made += 1)));
    await mkdir(path);
    return { path, remove: () => rm(path, { recursive: true, force: true }) };
  };
  return {
    name: 'embedded',
    services: [`SQLite ${process.versions['sqlite']} through node:sqlite`],
    async stores() {
      const { path, remove } = await folder();
      const bare = openBareSqlite(join(path, 'bare.db'));
      const model = openSqlitePosts({ path: join(path, 'write.db'), logger: pino({ level: 'warn' }) });
      return {
        bare,
        model,
        async [Symbol.asyncDispose]() {
          await Promise.all([bare[Symbol.asyncDispose](), model.close()]);
          await remove();
        },
      };
    },
    async bareStand(): Promise<Stand> {
      const { path, remove } = await folder();
      return { env: { BARE_SQLITE: join(path, 'bare.db') }, [Symbol.asyncDispose]: remove };
    },
    async stand(posts): Promise<Stand> {
      const { path, remove } = await folder();
      await fillSqlite(path, posts);
      return { env: { DATA_DIR: path }, [Symbol.asyncDispose]: remove };
    },
    readModel({ env }) {
      const path = dataFiles(env['DATA_DIR'] ?? '').readFile;
      return openSqliteReadModel({ path, clock: () => new Date(), logger: pino({ level: 'warn' }) });
    },
    async writeModel({ env }) {
      const path = dataFiles(env['DATA_DIR'] ?? '').writeFile;
      return openSqlitePosts({ path, logger: pino({ level: 'warn' }) });
    },
    async [Symbol.asyncDispose]() {
      release();
      await rm(root, { recursive: true, force: true });
    },
  };
}
