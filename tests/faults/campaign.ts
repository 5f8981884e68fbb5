import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Deployment, Mode } from './deployment.ts';
import { startClusterDeployment } from './cluster-deployment.ts';
import { startEmbedded } from './embedded-deployment.ts';
import { faultsFor, type Fault, type Pace, type Scene } from './faults.ts';
import { check, type Check } from './checks.ts';
import { journal } from './journal.ts';
import { seeded } from './random.ts';
import { startReaders } from './readers.ts';
import { startProbe } from './recovery.ts';
import { settle } from './settle.ts';
import { startShared } from './shared-deployment.ts';
import { startViewers } from './viewers.ts';
import { startWriters } from './writers.ts';

export type CampaignOptions = {
  readonly mode: Mode;
  readonly seed: number;
  /** Faults go on until so many SIGKILLs were sent, and every kind came once, … */
  readonly kills: number;
  /** … but no new one begins after so many seconds. */
  readonly seconds: number;
  readonly pace: Pace;
  /** How often each kind of kill comes for one of each other kind. Default 1. */
  readonly killWeight?: number;
  /** Times by which limits of recovery are stretched, on a machine that does other work beside this. Default 1. */
  readonly leniency?: number;
  /** Server processes of the shared deployment. Default 3. */
  readonly servers?: number;
  /** Who write at once, each with a pause of some 180 ms. Default 6. */
  readonly writers?: number;
  /** Clients with open streams; some of them read slowly. Default 16. */
  readonly viewers?: number;
  /** Also wait, for most of a minute, until the servers let go of streams that nobody watches. */
  readonly waitForIdleStreams?: boolean;
  /** Told of each fault as it comes. */
  readonly onProgress?: (line: string) => void;
};

/** One fault that came. `recoveredMs` is how long after its end a new post showed on the streams of all servers. */
export type Came = {
  readonly kind: string;
  readonly limitMs: number;
  readonly kills: number;
  readonly recoveredMs: number;
  readonly takeoverMs: number | undefined;
  readonly movesAgainMs: number | undefined;
  /** The longest time in which one server that was up answered no read. Known in clusters alone. */
  readonly withoutReadsMs: number | undefined;
  readonly note: string | undefined;
};

export type Outcome = {
  readonly options: CampaignOptions;
  readonly description: string;
  readonly faults: readonly Came[];
  readonly checks: readonly Check[];
  /** Figures that are no checks. */
  readonly figures: Readonly<Record<string, string>>;
};

const START: Record<Mode, (folder: string, servers: number) => Promise<Deployment>> = {
  shared: startShared,
  embedded: startEmbedded,
  cluster: startClusterDeployment,
  storage: (folder, servers) => startShared(folder, servers, join(folder, 'nats')),
};
/** While nothing goes wrong: fills the feeds, and shows what the servers' memory is like under this load. */
const WARM_UP_MS = 4_000;
const PAUSE_MS = 180;
/** Faults in one round of two are both over before anything is measured. */
const TWO_AT_ONCE = 0.4;
/** For how long a server of a cluster may answer no read, whatever falls: elections take longer. */
const READS_LIMIT_MS = 1_000;
/** Until others have projected what a killed server had in its hands. */
const TAKEOVER_LIMIT_MS = 10_000;
/** Until the feeds move again after NATS was away for long, though they have much to catch up with. */
const MOVES_AGAIN_LIMIT_MS = 5_000;
/** Longer than any limit, so that a late recovery is measured rather than cut off. */
const PATIENCE_MS = 60_000;

/**
 * A deployment of its own under a steady load, faults in an order that the seed decides, and then the reckoning. Ends
 * everything it started. Throws where the deployment can't be started; what fails later is among the checks.
 */
export async function runCampaign(options: CampaignOptions): Promise<Outcome> {
  const { mode, seed, servers = 3, writers: writerCount = 6, viewers: viewerCount = 16, leniency = 1 } = options;
  const { onProgress = () => undefined } = options;
  const folder = await mkdtemp(join(tmpdir(), 'tagwire-faults-'));
  await using undo = new AsyncDisposableStack();
  undo.defer(() => rm(folder, { recursive: true, force: true }));
  const deployment = await START[mode](folder, servers);
  undo.defer(() => deployment.close());
  onProgress(`${mode}: ${deployment.servers.length} server(s) on ${deployment.description}`);

  const random = seeded(seed);
  const truth = journal();
  const untruths: string[] = [];
  const poisoned: string[] = [];
  const { port } = deployment.balancer;
  const writers = startWriters({
    port,
    journal: truth,
    random: random.fork(),
    writers: writerCount,
    pauseMs: PAUSE_MS,
  });
  const onViolation = truth.violation;
  const viewers = startViewers({ port, count: viewerCount, journal: truth, random: random.fork(), onViolation });
  const probe = startProbe(deployment.servers, random.fork(), onViolation);
  const scene: Scene = {
    deployment,
    writers,
    random: random.fork(),
    pace: options.pace,
    shows: (id, on) => probe.shows(id, on, PATIENCE_MS),
    onPoison: (id) => void poisoned.push(id),
    onUntruth: (what) => void untruths.push(what),
  };
  await probe.untilLive(writers, PATIENCE_MS);
  const readers = mode === 'cluster' ? startReaders(deployment.servers, onViolation) : undefined;
  await delay(WARM_UP_MS);
  const before = await Promise.all(deployment.servers.map((server) => server.memory()));

  const faults: Came[] = [];
  const failures: string[] = [];
  try {
    await runRounds(options, scene, async (round, injected) => {
      const recoveredMs = await probe.untilLive(writers, PATIENCE_MS);
      await Promise.all(injected.map(({ mend }) => mend?.()));
      const withoutReadsMs = readers?.longestWithoutMs();
      for (const [at, fault] of round.entries()) {
        const { kills, takeoverMs, movesAgainMs, note } = injected[at] ?? { kills: 0 };
        const limitMs = leniency * Math.max(...round.map((one) => one.limitMs));
        const kind = round.length === 1 ? fault.kind : 'two at once';
        faults.push({
          kind,
          limitMs,
          kills,
          recoveredMs,
          takeoverMs,
          movesAgainMs,
          withoutReadsMs,
          note: round.length === 1 ? note : fault.kind,
        });
        const took = `${(recoveredMs / 1000).toFixed(2)} s`;
        const company = round.length > 1 ? ' (with another)' : '';
        const unread = withoutReadsMs === undefined ? '' : `, without reads ${(withoutReadsMs / 1000).toFixed(2)} s`;
        onProgress(`${fault.kind}${company}: live again after ${took}${unread}${note ? `, ${note}` : ''}`);
      }
    });
  } catch (error) {
    failures.push(error instanceof Error ? error.message : String(error));
  }

  await readers?.stop();
  const kills = faults.reduce((sum, fault) => sum + fault.kills, 0);
  const settled = await settle({
    deployment,
    writers,
    viewers,
    probe,
    journal: truth,
    poisoned,
    before,
    waitForIdleStreams: options.waitForIdleStreams ?? false,
  });
  return {
    options,
    description: deployment.description,
    faults,
    checks: [
      check('faults that the deployment did not recover from', failures),
      check('kills', kills >= options.kills ? [] : [`only ${kills} of ${options.kills}`], String(kills)),
      ...recoveryChecks(faults, leniency),
      check('/readyz did not tell the truth', untruths),
      ...settled.checks,
    ],
    figures: { ...settled.figures, 'the machine': machine() },
  };
}

/** What there was to run on: on a busy machine recoveries take longer, and that is not the servers' doing. */
function machine(): string {
  const load = (loadavg()[2] ?? 0).toFixed(1);
  return `${availableParallelism()} cores, load average of the last 15 minutes ${load}`;
}

type Injected = Awaited<ReturnType<Fault['inject']>>;

/** Deals every kind of fault, in an order of its own, again and again until there were enough. */
async function runRounds(
  { kills, seconds, pace, killWeight = 1 }: CampaignOptions,
  scene: Scene,
  afterwards: (round: readonly Fault[], injected: readonly Injected[]) => Promise<void>,
): Promise<void> {
  const { random } = scene;
  const { all, long } = faultsFor(scene.deployment);
  const end = performance.now() + seconds * 1000;
  let killed = 0;
  let deck: Fault[] = [];
  const run = async (round: readonly Fault[]) => {
    const injected = await Promise.all(
      round.map(async (fault, at) => {
        await delay(at * random.between(0, 1_000));
        return fault.inject(scene);
      }),
    );
    killed += injected.reduce((sum, one) => sum + one.kills, 0);
    await afterwards(round, injected);
  };
  if (long !== undefined && pace.longOutage > 0) await run([long]);
  for (let dealt = 0; performance.now() < end; dealt++) {
    if (deck.length === 0) {
      if (dealt > 0 && killed >= kills) return;
      deck = random.shuffled(all.flatMap((fault) => Array<Fault>(fault.isKill ? killWeight : 1).fill(fault)));
    }
    const first = deck.pop() as Fault;
    // Elections of the one are measured while the other stands.
    const isPair = scene.deployment.cluster === undefined && random.next() < TWO_AT_ONCE;
    const partner = isPair ? deck.findIndex(({ lane }) => lane !== first.lane) : -1;
    await run([first, ...(partner < 0 ? [] : deck.splice(partner, 1))]);
  }
}

function recoveryChecks(faults: readonly Came[], leniency: number): Check[] {
  const late = faults.filter(({ recoveredMs, limitMs }) => recoveredMs > limitMs);
  const times = (what: string, limitMs: number, all: readonly (number | undefined)[]) => {
    const known = all.filter((ms) => ms !== undefined);
    if (known.length === 0) return [];
    const tooLong = known.filter((ms) => ms > limitMs).map((ms) => `${ms.toFixed(0)} ms`);
    const longest = (Math.max(...known) / 1000).toFixed(2);
    const found = `${tooLong.length}, the longest took ${longest} s`;
    return [check(`${what} that took longer than ${limitMs / 1000} s`, tooLong, found)];
  };
  return [
    check(
      'recoveries that took longer than their limit',
      late.map(({ kind, recoveredMs, limitMs }) => `${kind}: ${recoveredMs.toFixed(0)} ms, limit ${limitMs} ms`),
    ),
    ...times(
      "takeovers of a killed server's events",
      leniency * TAKEOVER_LIMIT_MS,
      faults.map(({ takeoverMs }) => takeoverMs),
    ),
    ...times(
      'times in which a server answered no read',
      leniency * READS_LIMIT_MS,
      faults.map(({ withoutReadsMs }) => withoutReadsMs),
    ),
    ...times(
      'first events out of a full outbox, from the return of NATS until they showed on all servers,',
      leniency * MOVES_AGAIN_LIMIT_MS,
      faults.map(({ movesAgainMs }) => movesAgainMs),
    ),
  ];
}
