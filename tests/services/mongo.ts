import { MongoClient } from 'mongodb';
import { createHash } from 'node:crypto';
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dataFolder } from './data-folder.ts';
import { installPackages } from './debian.ts';
import { dockerAnswers, startContainer } from './docker.ts';
import { cached, onPath, run } from './install.ts';
import { startProcess } from './own-process.ts';
import { freePort } from './ports.ts';
import { givenService, unavailable, type RunningService, type StartOptions } from './service.ts';
import { serviceUrl } from './urls.ts';

const IMAGE = 'mongo:8';
const STAND_IN = join(import.meta.dirname, 'mongo-stand-in');
const STAND_IN_SOURCES = ['pom.xml', 'src/main/java/StandIn.java'];

export interface MongoOptions extends StartOptions {
  /** Heap of the stand-in, whose data are there unless it is persistent, in GB. Default 1. */
  heapGb?: number;
}

/**
 * MongoDB; where it can't be had, the stand-in mongo-java-server, which speaks its wire protocol and says so by its name.
 * The stand-in keeps its data in memory unless `persistent` or `dataDir` is given.
 */
export async function startMongo(options: MongoOptions = {}): Promise<RunningService> {
  const given = options.own ? undefined : serviceUrl('mongo');
  if (given) return givenService('mongo', given);
  const port = options.port ?? (await freePort());
  const common = { kind: 'mongo' as const, name: 'MongoDB', url: `mongodb://127.0.0.1:${port}`, port };
  const probe = () => versionOf(common.url);

  if (await dockerAnswers()) {
    const data = { dataDir: options.dataDir, containerDataDir: '/data/db' };
    return startContainer({ ...common, ...data, image: IMAGE, containerPort: 27017, probe });
  }
  const mongod = onPath('mongod');
  if (mongod) {
    const folder = await dataFolder('mongo', options.dataDir);
    const args = ['--dbpath', folder.data, '--port', String(port), '--bind_ip', '127.0.0.1', '--nounixsocket'];
    return startProcess({ ...common, command: [mongod, ...args], ...folder, probe });
  }
  const classes = await standInClasses();
  const folder = await dataFolder('mongo', options.dataDir);
  const persistent = options.persistent ?? options.dataDir !== undefined;
  const file = persistent ? [join(folder.data, 'stand-in.mv.db')] : [];
  const name = `mongo-java-server (stand-in for MongoDB, ${persistent ? 'on disk' : 'in memory'})`;
  const args = [`-Xmx${options.heapGb ?? 1}g`, '-XX:+UseSerialGC', '-cp', classes, 'StandIn', String(port), ...file];
  return startProcess({ ...common, name, command: ['java', ...args], ...folder, probe });
}

/** Class path of the stand-in, compiled by Maven into the cache once per state of its sources. */
async function standInClasses(): Promise<string> {
  const missing = [
    ...(onPath('java') && onPath('javac') ? [] : ['default-jdk-headless']),
    ...(onPath('mvn') ? [] : ['maven']),
  ];
  if (missing.length > 0) {
    await installPackages(...missing).catch(
      unavailable('mongo', 'MongoDB needs Docker or mongod on PATH, and its stand-in a JDK (17 or later) and Maven'),
    );
  }
  const hash = createHash('sha256');
  for (const source of STAND_IN_SOURCES) hash.update(await readFile(join(STAND_IN, source)));
  const folder = await cached(`mongo-stand-in-${hash.digest('hex').slice(0, 12)}`, async (target) => {
    for (const source of STAND_IN_SOURCES) await cp(join(STAND_IN, source), join(target, source));
    await run('mvn', ['-B', '-q', 'compile', 'dependency:copy-dependencies'], { cwd: target });
  }).catch(unavailable('mongo', "MongoDB's stand-in could not be built by Maven"));
  return `${join(folder, 'target/classes')}:${join(folder, 'target/dependency')}/*`;
}

async function versionOf(url: string): Promise<string> {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 2_000, connectTimeoutMS: 2_000 });
  try {
    await client.connect();
    const info = await client.db('admin').command({ buildInfo: 1 });
    return String(info.version);
  } finally {
    await client.close();
  }
}
