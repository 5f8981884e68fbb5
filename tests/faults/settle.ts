import { check, compare, disagreement, readAll, runTools, type Check, type Shown } from './checks.ts';
import type { Deployment } from './deployment.ts';
import { metricsOf, partsDown } from './http.ts';
import type { Journal } from './journal.ts';
import type { Memory } from './preload.ts';
import type { Probe } from './recovery.ts';
import type { Viewers } from './viewers.ts';
import { holdsWithin } from '../wait.ts';
import type { Watcher } from './watcher.ts';
import { COMMON_TAG, TAGS, type Writers } from './writers.ts';

export type SettleOptions = {
  readonly deployment: Deployment;
  readonly writers: Writers;
  readonly viewers: Viewers;
  readonly probe: Probe;
  readonly journal: Journal;
  readonly poisoned: readonly string[];
  readonly waitForIdleStreams: boolean;
  /** Memory of each server after the warm-up, under the same load. */
  readonly before: readonly Memory[];
};

const READY_WITHIN_MS = 30_000;
const ANSWERED_WITHIN_MS = 60_000;
const QUIET_WITHIN_MS = 60_000;
const CONVERGED_WITHIN_MS = 30_000;
const LEFT_WITHIN_MS = 15_000;
/** The SseRouter keeps them for 30 s, and looks every 15 s. */
const IDLE_STREAMS_WITHIN_MS = 60_000;
/**
 * What a server may have more than after the warm-up, both after full collections: caches, pools, code that was compiled
 * since. Heap and buffers are what a leak would show in; what V8 and the allocator keep of the process's memory for
 * later is bounded too, but says little.
 */
const HEAP_GROWTH_MB = 24;
const BUFFERS_GROWTH_MB = 16;
const RSS_GROWTH_MB = 256;

/** Waits, with limits, until all is quiet, and then holds everything against the journal. */
export async function settle(options: SettleOptions): Promise<{ checks: Check[]; figures: Record<string, string> }> {
  const { deployment, writers, viewers, probe, journal, poisoned, before } = options;
  const { servers, balancer, log } = deployment;
  const checks: Check[] = [];
  const must = async (what: string, limitMs: number, condition: () => Promise<boolean>) => {
    const began = performance.now();
    const holds = await holdsWithin(limitMs, () => condition().catch(() => false));
    const took = `${((performance.now() - began) / 1000).toFixed(1)} s`;
    checks.push({ what, ok: holds, found: holds ? `after ${took}` : `not within ${limitMs / 1000} s` });
  };

  await must('all servers are ready', READY_WITHIN_MS, async () => {
    return (await Promise.all(servers.map(({ port }) => partsDown(port)))).every((down) => down === undefined);
  });
  const unanswered = await writers.stop(ANSWERED_WITHIN_MS);
  checks.push(check('writes that never got an answer', Array(unanswered).fill('a write')));
  await must('outbox and projection are empty', QUIET_WITHIN_MS, async () => {
    const all = await Promise.all(servers.map(({ port }) => metricsOf(port)));
    const names = ['tagwire_outbox_unpublished', 'tagwire_outbox_unconfirmed', 'tagwire_projection_waiting'];
    return all.every((metrics) => names.every((name) => metrics.get(name) === 0));
  });

  viewers.calm();
  const watchers = [...viewers.watchers, ...probe.watchers];
  const names = [COMMON_TAG, 'probe', ...TAGS];
  let shown = await readAll(balancer.port, names);
  const wrong = () => disagreements(watchers, journal, shown);
  await must('open streams show what the API shows', CONVERGED_WITHIN_MS, async () => wrong().length === 0);
  checks.push(await resumeCheck(viewers.watchers, writers));
  shown = await readAll(balancer.port, names);
  await must('and so they do after a move', CONVERGED_WITHIN_MS, async () => wrong().length === 0);
  const streams = watchers.reduce((sum, { states }) => sum + states.size, 0);
  checks.push(check('open streams that do not', wrong(), `${wrong().length} of ${streams}`));
  checks.push(...compare(journal, shown));
  checks.push(...(await runTools(deployment, poisoned)));
  checks.push(check('wrong answers, gaps, repetitions, versions that fell', journal.violations));

  const dropped = await sumOf(deployment, 'tagwire_sse_dropped_total');
  viewers.close();
  for (const watcher of probe.watchers) watcher.close();
  const areGone = async (...names: string[]) => {
    const all = await Promise.all(servers.map(({ port }) => metricsOf(port)));
    return all.every((metrics) => names.every((name) => metrics.get(`tagwire_sse_${name}`) === 0));
  };
  await must('connections and queues of viewers who left are gone', LEFT_WITHIN_MS, () => {
    return areGone('connections', 'queued_bytes');
  });
  if (options.waitForIdleStreams) {
    await must('streams that nobody watches are gone', IDLE_STREAMS_WITHIN_MS, () => areGone('streams'));
  }
  const after = await Promise.all(servers.map((server) => server.memory()));
  checks.push(...memoryChecks(deployment, before, after));
  checks.push(check('unhandled errors, exits and warnings in the logs', log.forbidden));

  const resumes = sumResumes(viewers.watchers);
  return {
    checks,
    figures: {
      'accepted writes': `${journal.writes}, of posts that live: ${journal.living.size}`,
      'requests sent again': String(writers.retries),
      'connections of viewers': String(viewers.watchers.reduce((sum, { connections }) => sum + connections, 0)),
      'streams that went on by changes': `${resumes.nothingOrChanges}, by a snapshot: ${resumes.snapshots}`,
      'events that slow readers were spared': String(dropped),
      'errors in the logs': [...log.errors].map(([what, count]) => `\n      ${count} × ${what}`).join('') || 'none',
    },
  };
}

/** Everything in which the streams of these clients differ from what the API shows. */
function disagreements(watchers: readonly Watcher[], journal: Journal, shown: Shown): string[] {
  return watchers.flatMap((watcher) =>
    [...watcher.states].flatMap(([stream, known]) => {
      const text = disagreement(stream, known, journal, shown);
      return text === '' ? [] : [`${watcher.name}, ${text}`];
    }),
  );
}

/**
 * Every viewer moves to another server while all is quiet, and then a post is written: what it gets for the probe's
 * feed must be the change that leads on from the version that it has, and no snapshot of anything.
 */
async function resumeCheck(watchers: readonly Watcher[], writers: Writers): Promise<Check> {
  const was = watchers.map(({ resumes }) => ({ ...resumes }));
  const openedBefore = watchers.map(({ connections }) => connections);
  for (const watcher of watchers) watcher.roam();
  await holdsWithin(10_000, () => watchers.every((watcher, at) => watcher.connections > (openedBefore[at] as number)));
  const { id } = await writers.create('#probe after the move');
  const has = ({ states }: Watcher) => {
    const state = states.get('feed:probe')?.state as { posts: { id: string }[] } | undefined;
    return state?.posts.some((post) => post.id === id) === true;
  };
  await holdsWithin(10_000, () => watchers.every(has));
  const wrong = watchers.flatMap((watcher, at) => {
    const snapshots = watcher.resumes.snapshots - (was[at]?.snapshots ?? 0);
    if (!has(watcher)) return [`${watcher.name} did not get the post`];
    return snapshots === 0 ? [] : [`${watcher.name} got ${snapshots} snapshots`];
  });
  return check(
    'viewers that moved to another server and did not go on by version',
    wrong,
    `${wrong.length} of ${watchers.length}`,
  );
}

function memoryChecks({ servers, survivor }: Deployment, before: readonly Memory[], after: readonly Memory[]): Check[] {
  const rows = servers.map((server, at) => {
    const [was, is] = [before[at] as Memory, after[at] as Memory];
    const grew = (part: keyof Memory, boundMb: number) => is[part] - was[part] > boundMb * 2 ** 20;
    const tooMuch =
      grew('heapUsed', HEAP_GROWTH_MB) || grew('external', BUFFERS_GROWTH_MB) || grew('rss', RSS_GROWTH_MB);
    const change = (part: keyof Memory) => [was, is].map((memory) => Math.round(memory[part] / 2 ** 20)).join(' → ');
    const name = server === survivor ? `${server.name}, never killed` : server.name;
    return {
      ok: !tooMuch,
      text: `${name}: heap ${change('heapUsed')}, buffers ${change('external')}, RSS ${change('rss')} MB`,
    };
  });
  const bounds = `${HEAP_GROWTH_MB} MB of heap, ${BUFFERS_GROWTH_MB} MB of buffers and ${RSS_GROWTH_MB} MB of RSS`;
  return [
    {
      what: `memory of each server, at most ${bounds} more than after the warm-up`,
      ok: rows.every(({ ok }) => ok),
      found: rows.map(({ text }) => `\n      ${text}`).join(''),
    },
  ];
}

async function sumOf({ servers }: Deployment, name: string): Promise<number> {
  const all = await Promise.all(servers.map(({ port }) => metricsOf(port)));
  return all.reduce((sum, metrics) => sum + (metrics.get(name) ?? 0), 0);
}

function sumResumes(watchers: readonly Watcher[]) {
  return watchers.reduce(
    (sum, { resumes }) => ({
      nothingOrChanges: sum.nothingOrChanges + resumes.nothingOrChanges,
      snapshots: sum.snapshots + resumes.snapshots,
    }),
    { nothingOrChanges: 0, snapshots: 0 },
  );
}
