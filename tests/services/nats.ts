import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { join } from 'node:path';
import { dataFolder } from './data-folder.ts';
import { commandIn, isDebian, unpackPackages } from './debian.ts';
import { dockerAnswers, startContainer } from './docker.ts';
import { cached, onPath, run } from './install.ts';
import { startProcess } from './own-process.ts';
import { freePort } from './ports.ts';
import { givenService, ServiceUnavailable, unavailable, type RunningService, type StartOptions } from './service.ts';
import { serviceUrl } from './urls.ts';

const VERSION = '2.15.2';
const IMAGE = 'nats:2';

/** A NATS server with JetStream, whose streams survive `kill` and `restart`. */
export async function startNats(options: StartOptions = {}): Promise<RunningService> {
  const given = options.own ? undefined : serviceUrl('nats');
  if (given) return givenService('nats', given);
  const port = options.port ?? (await freePort());
  const common = { kind: 'nats' as const, name: 'NATS', url: `nats://127.0.0.1:${port}`, port };
  const probe = () => natsVersionOf(common.url);

  if (await dockerAnswers()) {
    const args = ['-js', '-sd', '/data'];
    const data = { dataDir: options.dataDir, containerDataDir: '/data' };
    return startContainer({ ...common, ...data, image: IMAGE, args, containerPort: 4222, probe });
  }
  const [program, ...programArgs] = await natsServerCommand();
  const folder = await dataFolder('nats', options.dataDir);
  const args = [...programArgs, '-js', '-sd', folder.data, '-a', '127.0.0.1', '-p', String(port)];
  return startProcess({ ...common, command: [program, ...args], ...folder, probe });
}

/** The server, from PATH or installed into the cache. Throws {@link ServiceUnavailable} where it can't be had. */
export async function natsServerCommand(): Promise<[string, ...string[]]> {
  const found = onPath('nats-server');
  if (found) return [found];
  const go = onPath('go');
  if (go) {
    const folder = await cached(`nats-server-${VERSION}`, async (target) => {
      await run(go, ['install', `github.com/nats-io/nats-server/v2@v${VERSION}`], { env: { GOBIN: target } });
    }).catch(unavailable('nats', 'NATS could not be installed by Go'));
    return [join(folder, 'nats-server')];
  }
  if (isDebian()) {
    const folder = await cached('nats-server-debian-sid', (target) =>
      unpackPackages(target, 'sid', 'nats-server'),
    ).catch(unavailable('nats', 'NATS could not be unpacked from Debian'));
    return commandIn(folder, 'nats-server');
  }
  throw new ServiceUnavailable('nats', 'NATS needs Docker, nats-server on PATH, Go, or Debian');
}

/** Resolves with the version of a server whose JetStream answers. */
export async function natsVersionOf(url: string): Promise<string> {
  const connection = await connect({ servers: url, reconnect: false, timeout: 2_000 });
  try {
    await (await jetstreamManager(connection)).getAccountInfo();
    return connection.info?.version ?? 'unknown';
  } finally {
    await connection.close();
  }
}
