import { setTimeout as delay } from 'node:timers/promises';
import type { RunningService } from '../services/service.ts';
import { holdsWithin } from '../wait.ts';
import type { Cluster } from './deployment.ts';
import type { Fault, Scene } from './faults.ts';
import { partsDown } from './http.ts';

/*
 * What happens to databases and brokers of several members. Each fault is over when the rest of the cluster says that it
 * works again, by its own word: from that moment the servers' time counts. The member that fell comes back afterwards.
 */

/** A new post on every screen, from the moment when the cluster works again. */
const LIMIT_MS = 1_000;
/** A server may stand on the member that was taken down last: it has to find the others first. */
const RESTART_LIMIT_MS = 5_000;
const ELECTED_WITHIN_MS = 60_000;
const WHOLE_WITHIN_MS = 60_000;
/** Time that `/readyz` gets to tell the truth. */
const TRUTH_WITHIN_MS = 3_000;

export const CLUSTER_FAULTS: readonly Fault[] = [
  onPrimary('kill the primary of MongoDB', 'SIGKILL'),
  onPrimary('shut down the primary of MongoDB', 'SIGTERM'),
  pausePrimary(),
  stepDown(),
  killSecondaries(1),
  killSecondaries(2),
  onLeader('kill the leader of the stream', 'SIGKILL'),
  onLeader('shut down the leader of the stream', 'SIGTERM'),
  pauseLeader(),
  killFollowers(1),
  killFollowers(2),
  rollingRestart(),
];

function onPrimary(kind: string, signal: NodeJS.Signals): Fault {
  return {
    ...{ kind, lane: 'mongo', limitMs: LIMIT_MS, isKill: signal === 'SIGKILL' },
    async inject(scene) {
      const { mongo } = clusterOf(scene);
      const primary = await mongo.primary();
      await primary.kill(signal);
      const electedMs = await untilPrimary(scene, primary);
      return {
        kills: signal === 'SIGKILL' ? 1 : 0,
        note: `elected after ${seconds(electedMs)}`,
        mend: () => comeBack(scene, primary),
      };
    },
  };
}

/** The minority of one is cut off: it holds its connections, and takes itself for primary until it wakes up. */
function pausePrimary(): Fault {
  return {
    ...{ kind: 'cut off the primary of MongoDB (SIGSTOP)', lane: 'mongo', limitMs: LIMIT_MS },
    async inject(scene) {
      const { mongo } = clusterOf(scene);
      const primary = await mongo.primary();
      signalTo(primary, 'SIGSTOP');
      const electedMs = await untilPrimary(scene, primary);
      return {
        kills: 0,
        note: `elected after ${seconds(electedMs)}`,
        mend: async () => {
          signalTo(primary, 'SIGCONT');
          await untilWhole(scene);
        },
      };
    },
  };
}

function stepDown(): Fault {
  return {
    ...{ kind: 'step down the primary of MongoDB', lane: 'mongo', limitMs: LIMIT_MS },
    async inject(scene) {
      const { mongo } = clusterOf(scene);
      const primary = await mongo.primary();
      await mongo.stepDown();
      const electedMs = await untilPrimary(scene, primary);
      return { kills: 0, note: `elected after ${seconds(electedMs)}` };
    },
  };
}

/** Without one all goes on; without two there is no primary either, and writes wait. */
function killSecondaries(count: number): Fault {
  return {
    ...{ kind: `kill ${count} secondary(s) of MongoDB`, lane: 'mongo', limitMs: LIMIT_MS, isKill: true },
    async inject(scene) {
      const { mongo } = clusterOf(scene);
      const primary = await mongo.primary();
      const victims = mongo.members.filter((member) => member !== primary).slice(0, count);
      await Promise.all(victims.map((member) => member.kill()));
      await delay(scene.random.between(...scene.pace.fault));
      if (count === 1) return { kills: 1, mend: () => comeBack(scene, ...victims) };
      await Promise.all(victims.map((member) => member.restart()));
      await untilPrimary(scene);
      return { kills: count, mend: () => untilWhole(scene) };
    },
  };
}

function onLeader(kind: string, signal: NodeJS.Signals): Fault {
  return {
    ...{ kind, lane: 'nats', limitMs: LIMIT_MS, isKill: signal === 'SIGKILL' },
    async inject(scene) {
      const leader = await leaderOf(scene);
      await leader.kill(signal);
      const ledMs = await untilLed(scene, leader);
      return {
        kills: signal === 'SIGKILL' ? 1 : 0,
        note: `led again after ${seconds(ledMs)}`,
        mend: () => comeBack(scene, leader),
      };
    },
  };
}

function pauseLeader(): Fault {
  return {
    ...{ kind: 'cut off the leader of the stream (SIGSTOP)', lane: 'nats', limitMs: 2 * RESTART_LIMIT_MS },
    async inject(scene) {
      const leader = await leaderOf(scene);
      signalTo(leader, 'SIGSTOP');
      const ledMs = await untilLed(scene, leader);
      return {
        kills: 0,
        note: `led again after ${seconds(ledMs)}`,
        mend: async () => {
          signalTo(leader, 'SIGCONT');
          await untilWhole(scene);
        },
      };
    },
  };
}

function killFollowers(count: number): Fault {
  return {
    ...{ kind: `kill ${count} follower(s) of the stream`, lane: 'nats', limitMs: LIMIT_MS, isKill: true },
    async inject(scene) {
      const { nats } = clusterOf(scene);
      const leader = await leaderOf(scene);
      const victims = nats.members.filter((member) => member !== leader).slice(0, count);
      await Promise.all(victims.map((member) => member.kill()));
      await delay(scene.random.between(...scene.pace.fault));
      if (count === 1) return { kills: 1, mend: () => comeBack(scene, ...victims) };
      await Promise.all(victims.map((member) => member.restart()));
      await untilLed(scene);
      return { kills: count, mend: () => untilWhole(scene) };
    },
  };
}

/** An upgrade: every member and every server is ended in order and started again, one after the other, under load. */
function rollingRestart(): Fault {
  return {
    ...{ kind: 'restart everything in turn', lane: 'server', limitMs: RESTART_LIMIT_MS },
    async inject(scene) {
      const { mongo, nats, mysql } = clusterOf(scene);
      for (const member of [...mongo.members, ...nats.members, mysql]) {
        await member.restart();
        await untilWhole(scene);
      }
      for (const server of scene.deployment.servers) {
        await server.shutDown();
        await server.start();
      }
      return { kills: 0, note: `${mongo.members.length + nats.members.length + 1} services, all servers` };
    },
  };
}

function clusterOf({ deployment }: Scene): Cluster {
  if (deployment.cluster === undefined) throw new Error('There is no cluster in this deployment');
  return deployment.cluster;
}

async function leaderOf(scene: Scene): Promise<RunningService> {
  const { nats, stream } = clusterOf(scene);
  let leader: RunningService | undefined;
  await holdsWithin(ELECTED_WITHIN_MS, async () => (leader = await nats.leaderOf(stream)) !== undefined);
  if (leader === undefined) throw new Error('The stream has no leader');
  return leader;
}

/** How long it was until a member, another one than the `last`, said that it is primary, in ms. */
async function untilPrimary(scene: Scene, last?: RunningService): Promise<number> {
  const { mongo } = clusterOf(scene);
  return timeUntil('MongoDB has a primary', async () => {
    const primary = await mongo.primary(last).catch(() => undefined);
    return primary !== undefined;
  });
}

/** Likewise for the stream's leader. While there is none, `/readyz` must say so. */
async function untilLed(scene: Scene, last?: RunningService): Promise<number> {
  const { nats, stream } = clusterOf(scene);
  const began = performance.now();
  let asked = false;
  return timeUntil('the stream has a leader', async () => {
    const leader = await nats.leaderOf(stream);
    if (leader !== undefined && leader !== last) return true;
    if (!asked && performance.now() - began > TRUTH_WITHIN_MS) {
      asked = true;
      await readyzNamesNats(scene);
    }
    return false;
  });
}

async function readyzNamesNats({ deployment, onUntruth }: Scene): Promise<void> {
  const isUp = deployment.servers.filter((server) => server.isUp);
  await Promise.all(
    isUp.map(async (server) => {
      const down = await partsDown(server.port).catch(() => ['no answer']);
      if (down?.includes('nats') !== true)
        onUntruth(`/readyz of ${server.name} did not tell of a stream without a leader`);
    }),
  );
}

async function comeBack(scene: Scene, ...members: readonly RunningService[]): Promise<void> {
  await Promise.all(members.map((member) => member.restart()));
  await untilWhole(scene);
}

/** Until all members are up and follow: what falls next may then fall. */
async function untilWhole(scene: Scene): Promise<void> {
  const { mongo, nats, stream } = clusterOf(scene);
  const isWhole = await holdsWithin(WHOLE_WITHIN_MS, async () => {
    const [isMongoWhole, info] = await Promise.all([mongo.isWhole(), nats.stream(stream).catch(() => undefined)]);
    const { leader, replicas = [] } = info?.cluster ?? {};
    return isMongoWhole && Boolean(leader) && replicas.every(({ current, offline }) => current && offline !== true);
  });
  if (!isWhole) throw new Error(`The clusters were not whole again within ${WHOLE_WITHIN_MS / 1000} s`);
}

async function timeUntil(what: string, condition: () => Promise<boolean>): Promise<number> {
  const began = performance.now();
  if (!(await holdsWithin(ELECTED_WITHIN_MS, condition)))
    throw new Error(`Not within ${ELECTED_WITHIN_MS / 1000} s: ${what}`);
  return performance.now() - began;
}

function signalTo(member: RunningService, signal: NodeJS.Signals): void {
  if (member.pid === undefined) throw new Error(`${member.name} does not run`);
  process.kill(member.pid, signal);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
