import { setTimeout as delay } from 'node:timers/promises';
import type { ServiceKind } from '../services/service.ts';
import type { TcpProxy } from '../services/tcp-proxy.ts';
import { CLUSTER_FAULTS } from './cluster-faults.ts';
import type { Deployment } from './deployment.ts';
import { metricsOf, partsDown } from './http.ts';
import type { Random } from './random.ts';
import type { ServerProcess } from './server-process.ts';
import { storageFaults } from './storage-faults.ts';
import { holdsWithin } from '../wait.ts';
import type { Writers } from './writers.ts';

/** What a fault has to work with. */
export type Scene = {
  readonly deployment: Deployment;
  readonly writers: Writers;
  readonly random: Random;
  readonly pace: Pace;
  /** Resolves when a post that was just accepted shows on the live streams of these servers. */
  readonly shows: (id: string, on: readonly ServerProcess[]) => Promise<void>;
  readonly onPoison: (id: string) => void;
  readonly onUntruth: (what: string) => void;
};

/** How long faults last, in ms. */
export type Pace = { readonly fault: readonly [number, number]; readonly longOutage: number };

/** What a fault tells of itself, beside that the servers are to be live again from the moment that it resolves. */
export type Injected = {
  /** SIGKILLs that it took. */
  readonly kills: number;
  /** How long it was until what a killed server had in its hands showed on the others, in ms. */
  readonly takeoverMs?: number;
  /** After an outage that filled the outbox: how long it was until the first event of it showed everywhere, in ms. */
  readonly movesAgainMs?: number;
  /** For people. */
  readonly note?: string;
  /** Brings back what fell, after the recovery without it was measured. */
  readonly mend?: () => Promise<void>;
};

/**
 * A kind of fault. `limitMs` is how long everything may take to be live again after it is over. Two of one `lane`
 * are never under way at once.
 */
export type Fault = {
  readonly kind: string;
  readonly lane: 'server' | ServiceKind;
  readonly limitMs: number;
  readonly isKill?: boolean;
  readonly inject: (scene: Scene) => Promise<Injected>;
};

/** Time that `/readyz` gets to tell the truth: its own limit for a part is 2 s. */
const TRUTH_WITHIN_MS = 3_000;
/** Posts that a server is in the middle of taking when it is killed. */
const BURST = 20;
const SERVICES: readonly ServiceKind[] = ['mysql', 'mongo', 'nats'];
const NAMES: Record<ServiceKind, string> = { mysql: 'MySQL', mongo: 'MongoDB', nats: 'NATS' };
/** What was written while NATS was away for minutes comes in the order in which it was written. */
const CAUGHT_UP_WITHIN_MS = 60_000;
/** All must be live within 5 s of a broker's return; the databases' clients look for theirs less often. */
const LIMIT_MS: Record<ServiceKind, number> = { mysql: 10_000, mongo: 10_000, nats: 5_000 };

const killServer: Fault = {
  kind: 'kill a server',
  lane: 'server',
  limitMs: 10_000,
  isKill: true,
  async inject(scene) {
    const { deployment, writers, random, pace, shows } = scene;
    const victim = random.pick(deployment.servers.filter((server) => server !== deployment.survivor));
    const burst = Array.from({ length: BURST }, (_, n) => writers.create(`#probe before a kill, ${n}`, victim.port));
    await someOf(burst, random.between(1, BURST));
    await victim.kill();
    const killedAt = performance.now();
    const others = deployment.servers.filter((server) => server.isUp);
    const takeover = async () => {
      for (const post of await Promise.all(burst)) await shows(post.id, others);
      return performance.now() - killedAt;
    };
    const restart = async () => {
      await delay(random.between(...pace.fault));
      await victim.start();
    };
    const isAlone = deployment.servers.length === 1;
    const [takeoverMs] = await Promise.all([isAlone ? undefined : takeover(), restart()]);
    await Promise.all(burst);
    return { kills: 1, takeoverMs };
  },
};

const pauseServer: Fault = {
  kind: 'pause a server (SIGSTOP, SIGCONT)',
  lane: 'server',
  limitMs: 10_000,
  async inject({ deployment, random, pace }) {
    const victim = random.pick(deployment.servers);
    victim.pause();
    // Some longer than the time after which its messages are given to others.
    await delay(random.between(pace.fault[0], 2 * pace.fault[1]));
    victim.resume();
    return { kills: 0 };
  },
};

const stepClock: Fault = {
  kind: "step a server's clock",
  lane: 'server',
  limitMs: 10_000,
  async inject({ deployment, random, pace }) {
    const victim = random.pick(deployment.servers);
    const seconds = random.pick([-3_600, -30, -2, 2, 30, 3_600]);
    await victim.stepClock(seconds * 1000);
    await delay(random.between(...pace.fault));
    await victim.stepClock(0);
    return { kills: 0, note: `${seconds} s` };
  },
};

const poison: Fault = {
  kind: 'poison messages',
  lane: 'server',
  limitMs: 10_000,
  async inject({ deployment, onPoison }) {
    // Beside another fault the service may be away just now.
    const steps = deployment.poison();
    for (const put of steps) onPoison(await retried(put));
    return { kills: 0, note: `${steps.length} messages` };
  },
};

function killService(kind: ServiceKind): Fault {
  return {
    kind: `kill ${NAMES[kind]}`,
    lane: kind,
    limitMs: LIMIT_MS[kind],
    isKill: true,
    async inject(scene) {
      const { service } = serviceOf(scene, kind);
      await service.kill('SIGKILL');
      await outage(scene, kind, scene.deployment.servers);
      await service.restart();
      return { kills: 1 };
    },
  };
}

/** Does something to the ways from all servers, or from one of them, to a service. */
function breakNetwork(what: string, kind: ServiceKind, breakIt: (proxy: TcpProxy, random: Random) => void): Fault {
  return {
    kind: `${what} ${NAMES[kind]}`,
    lane: kind,
    limitMs: LIMIT_MS[kind],
    async inject(scene) {
      const { deployment, random } = scene;
      const { proxies } = serviceOf(scene, kind);
      const servers = random.next() < 0.5 ? deployment.servers : [random.pick(deployment.servers)];
      const broken = servers.map((server) => proxies[deployment.servers.indexOf(server)] as TcpProxy);
      for (const proxy of broken) breakIt(proxy, random);
      if (what === 'delay') await delay(random.between(...scene.pace.fault));
      else await outage(scene, kind, servers);
      for (const proxy of broken) proxy.restore();
      return { kills: 0, note: servers.length === 1 ? 'for one server' : 'for all' };
    },
  };
}

const longNatsOutage: Fault = {
  kind: 'NATS away for long',
  lane: 'nats',
  limitMs: CAUGHT_UP_WITHIN_MS,
  async inject(scene) {
    const { deployment, pace, writers, shows, onUntruth } = scene;
    const { service } = serviceOf(scene, 'nats');
    await service.kill('SIGKILL');
    const first = await writers.create('#probe written while NATS is away');
    await delay(pace.longOutage);
    const asked = deployment.servers.find((server) => server.isUp) as ServerProcess;
    const unpublished = (await metricsOf(asked.port)).get('tagwire_outbox_unpublished') ?? 0;
    const down = await partsDown(asked.port);
    for (const part of ['nats', ...(pace.longOutage > 12_000 ? ['projection'] : [])]) {
      if (!down?.includes(part)) onUntruth(`/readyz of ${asked.name} did not say that ${part} is down`);
    }
    if (unpublished === 0) onUntruth('the outbox did not fill while NATS was away');
    await service.restart();
    const restartedAt = performance.now();
    await shows(first.id, deployment.servers);
    const movesAgainMs = performance.now() - restartedAt;
    const note = `${Math.round(pace.longOutage / 1000)} s, ${unpublished} events in the outbox`;
    return { kills: 1, movesAgainMs, note };
  },
};

/** Each kind once; `long` for the one that takes minutes. */
export function faultsFor(deployment: Deployment): {
  readonly all: readonly Fault[];
  readonly long: Fault | undefined;
} {
  const own = [killServer, pauseServer, stepClock, poison];
  if (deployment.cluster !== undefined) return { all: [killServer, pauseServer, ...CLUSTER_FAULTS], long: undefined };
  if (deployment.natsStore !== undefined) {
    return { all: storageFaults(deployment.natsStore, `${deployment.natsStore}-copy`), long: undefined };
  }
  if (deployment.services === undefined) return { all: own, long: undefined };
  const cut = SERVICES.map((kind) => breakNetwork('cut off', kind, (proxy) => proxy.cut()));
  const hang = SERVICES.map((kind) => breakNetwork('no answer from', kind, (proxy) => proxy.pause()));
  const slow = SERVICES.map((kind) =>
    breakNetwork('delay', kind, (proxy, random) => proxy.delay(random.between(20, 200))),
  );
  return { all: [...own, ...SERVICES.map(killService), ...cut, ...hang, ...slow], long: longNatsOutage };
}

/** The time that a service is away, in which `/readyz` of these servers must come to say so. */
async function outage(scene: Scene, kind: ServiceKind, servers: readonly ServerProcess[]): Promise<void> {
  const { random, pace, onUntruth } = scene;
  const lengthMs = random.between(...pace.fault);
  await delay(Math.min(lengthMs, TRUTH_WITHIN_MS));
  if (lengthMs < TRUTH_WITHIN_MS) return;
  await Promise.all(
    servers.map(async (server) => {
      const down = await partsDown(server.port).catch(() => undefined);
      // A server that is being killed or paused beside this says nothing, which is no lie.
      if (server.isUp && down === undefined) {
        if (await isStillUp(server)) onUntruth(`/readyz of ${server.name} said nothing of ${kind}, which is away`);
      } else if (down !== undefined && !down.includes(kind) && server.isUp) {
        onUntruth(`/readyz of ${server.name} did not name ${kind}, but ${down.join(', ')}`);
      }
    }),
  );
  await delay(lengthMs - TRUTH_WITHIN_MS);
}

/** Resolves when so many of them have. */
function someOf(promises: readonly Promise<unknown>[], count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = count;
    for (const promise of promises) promise.then(() => --left === 0 && resolve(), reject);
  });
}

/** Whether it answers at all. */
async function isStillUp(server: ServerProcess): Promise<boolean> {
  return (
    server.isUp &&
    (await partsDown(server.port).then(
      () => true,
      () => false,
    ))
  );
}

async function retried<T>(run: () => Promise<T>): Promise<T> {
  let result: { readonly value: T } | undefined;
  let failure: unknown;
  await holdsWithin(30_000, async () => {
    try {
      result = { value: await run() };
    } catch (error) {
      failure = error;
    }
    return result !== undefined;
  });
  if (result === undefined) throw failure;
  return result.value;
}

function serviceOf({ deployment }: Scene, kind: ServiceKind) {
  const found = deployment.services?.[kind];
  if (found === undefined) throw new Error(`There is no ${kind} in this deployment`);
  return found;
}
