import { freshName } from '../services/databases.ts';
import { startMongoSet } from '../services/mongo.ts';
import { startMysql } from '../services/mysql.ts';
import { startNatsCluster } from '../services/nats-cluster.ts';
import type { Deployment } from './deployment.ts';
import { createDatabase, startServers } from './shared-deployment.ts';

const MEMBERS = 3;

/** Several servers on a replica set and a NATS cluster of three members each, and one MySQL. */
export async function startClusterDeployment(folder: string, serverCount: number): Promise<Deployment> {
  await using undo = new AsyncDisposableStack();
  const [mysql, mongo, nats] = await Promise.all([
    startMysql({ own: true }).then((service) => {
      undo.defer(() => service.stop());
      return service;
    }),
    startMongoSet(MEMBERS).then((set) => undo.use(set)),
    startNatsCluster(MEMBERS).then((cluster) => undo.use(cluster)),
  ]);
  const database = freshName('faults');
  const natsPrefix = freshName('f');
  await createDatabase(mysql.url, database);
  const urls = {
    mysql: `${mysql.url}/${database}`,
    mongo: mongo.url.replace('/?', `/${database}?`),
    nats: nats.url,
    natsPrefix,
    natsReplicas: MEMBERS,
  };
  const { servers, balancer, log } = await startServers(
    folder,
    Array.from({ length: serverCount }, () => urls),
    undo,
  );
  const running = undo.move();
  const [member] = mongo.members;
  const [server] = nats.members;
  return {
    mode: 'cluster',
    servers,
    survivor: servers.at(-1),
    balancer,
    services: undefined,
    cluster: { mysql, mongo, nats, stream: natsPrefix.toUpperCase() },
    log,
    stores: { services: urls, dataDir: folder },
    poison: () => [],
    description: `MySQL ${mysql.version}, ${MEMBERS} × MongoDB ${member?.version}, ${MEMBERS} × NATS ${server?.version}`,
    close: () => running.disposeAsync(),
  };
}
