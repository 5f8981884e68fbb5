import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { run } from './install.ts';
import { isAlive, whenThisProcessEnds } from './own-process.ts';
import type { RunningService, ServiceKind } from './service.ts';

export interface ContainerSpec {
  kind: ServiceKind;
  name: string;
  image: string;
  args?: readonly string[];
  env?: Readonly<Record<string, string>>;
  port: number;
  containerPort: number;
  /** Where the image keeps its data; bound to `dataDir` if there is one, else part of the container. */
  containerDataDir: string;
  dataDir?: string | undefined;
  url: string;
  probe(): Promise<string>;
}

const LABEL = 'tagwire-test-parent';
const START_LIMIT_MS = 120_000;

/** Whether a Docker engine (not only its client) answers. */
export async function dockerAnswers(): Promise<boolean> {
  try {
    return (await run('docker', ['info', '--format', '{{.ServerVersion}}'], { timeout: 5_000 })).trim() !== '';
  } catch {
    return false;
  }
}

/** Starts a container that is killed, restarted and removed like a process of our own. */
export async function startContainer(spec: ContainerSpec): Promise<RunningService> {
  await removeOrphans();
  const container = `tagwire-test-${spec.kind}-${randomUUID().slice(0, 8)}`;
  const volumes = spec.dataDir ? ['-v', `${spec.dataDir}:${spec.containerDataDir}`] : [];
  const environment = Object.entries(spec.env ?? {}).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const port = ['-p', `127.0.0.1:${spec.port}:${spec.containerPort}`];
  const label = ['--label', `${LABEL}=${process.pid}`];
  await run('docker', [
    'run',
    '-d',
    '--name',
    container,
    ...label,
    ...port,
    ...volumes,
    ...environment,
    spec.image,
    ...(spec.args ?? []),
  ]);

  let pid: number | undefined;
  let version = '';
  const ready = async () => {
    version = await untilItAnswers(spec, container);
    pid = Number(await run('docker', ['inspect', '--format', '{{.State.Pid}}', container])) || undefined;
  };
  const kill = async (signal: NodeJS.Signals = 'SIGKILL') => {
    if (pid === undefined) return;
    pid = undefined;
    await run('docker', ['kill', '--signal', signal, container]);
    await run('docker', ['wait', container]);
  };
  const release = whenThisProcessEnds(() => spawnSync('docker', ['rm', '-f', '-v', container], { stdio: 'ignore' }));
  const stop = async () => {
    release();
    await run('docker', ['rm', '-f', '-v', container]);
  };

  try {
    await ready();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    kind: spec.kind,
    name: `${spec.name} in Docker (${spec.image})`,
    version,
    url: spec.url,
    port: spec.port,
    get pid() {
      return pid;
    },
    kill,
    restart: async () => {
      await kill('SIGTERM');
      await run('docker', ['start', container]);
      await ready();
    },
    stop,
  };
}

async function untilItAnswers(spec: ContainerSpec, container: string): Promise<string> {
  const deadline = performance.now() + START_LIMIT_MS;
  for (;;) {
    try {
      return await spec.probe();
    } catch (error) {
      if (performance.now() < deadline) await delay(250);
      else {
        const log = await run('docker', ['logs', '--tail', '15', container]).catch(String);
        throw new Error(`${spec.name} did not answer within ${START_LIMIT_MS / 1000} s\n${log}`, { cause: error });
      }
    }
  }
}

/** Containers whose test run was SIGKILLed. */
async function removeOrphans(): Promise<void> {
  const list = await run('docker', [
    'ps',
    '-a',
    '--filter',
    `label=${LABEL}`,
    '--format',
    `{{.ID}} {{.Label "${LABEL}"}}`,
  ]);
  for (const line of list.trim().split('\n').filter(Boolean)) {
    const [id = '', parent = ''] = line.split(' ');
    if (!isAlive(Number(parent))) await run('docker', ['rm', '-f', '-v', id]);
  }
}
