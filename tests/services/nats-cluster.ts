import { jetstreamManager, type StreamInfo } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { join } from 'node:path';
import { dataFolder } from './data-folder.ts';
import { natsServerCommand, natsVersionOf } from './nats.ts';
import { startProcess } from './own-process.ts';
import { freePort } from './ports.ts';
import type { RunningService } from './service.ts';

/** NATS servers that hold JetStream's streams together. */
export interface NatsCluster extends AsyncDisposable {
  readonly members: readonly RunningService[];
  /** All members, as `NATS_URL` takes them. */
  readonly url: string;
  /** What the cluster says of a stream, asked of a member that runs. Throws where it has no leader. */
  stream(name: string): Promise<StreamInfo>;
  /** The member that leads the stream; undefined while there is none. */
  leaderOf(stream: string): Promise<RunningService | undefined>;
}

export async function startNatsCluster(size = 3): Promise<NatsCluster> {
  const [program, ...programArgs] = await natsServerCommand();
  const places = await Promise.all(
    Array.from({ length: size }, async (_, at) => ({
      name: `nats-${at + 1}`,
      port: await freePort(),
      routePort: await freePort(),
      folder: await dataFolder('nats', undefined),
    })),
  );
  const routes = places.map(({ routePort }) => `nats://127.0.0.1:${routePort}`).join(',');
  await using undo = new AsyncDisposableStack();
  const members = await Promise.all(
    places.map(async ({ name, port, routePort, folder }) => {
      const url = `nats://127.0.0.1:${port}`;
      const own = ['-n', name, '-js', '-sd', join(folder.data, 'store'), '-a', '127.0.0.1', '-p', String(port)];
      const cluster = ['--cluster_name', 'tagwire', '--cluster', `nats://127.0.0.1:${routePort}`, '--routes', routes];
      const command = [program, ...programArgs, ...own, ...cluster] as const;
      const member = await startProcess({
        ...{ kind: 'nats', name, url, port, command, ...folder },
        probe: () => natsVersionOf(url),
      });
      undo.defer(() => member.stop());
      return member;
    }),
  );
  const running = undo.move();

  const stream: NatsCluster['stream'] = async (name) => {
    const servers = members.filter(({ pid }) => pid !== undefined).map(({ url }) => url);
    const connection = await connect({ servers, reconnect: false, timeout: 1_000 });
    try {
      const manager = await jetstreamManager(connection, { checkAPI: false, timeout: 1_000 });
      return await manager.streams.info(name);
    } finally {
      await connection.close();
    }
  };
  return {
    members,
    url: members.map(({ url }) => url).join(','),
    stream,
    async leaderOf(name) {
      const leader = await stream(name).then(
        ({ cluster }) => cluster?.leader,
        () => undefined,
      );
      return members.find((member) => member.name === leader && member.pid !== undefined);
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
