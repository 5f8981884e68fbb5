import type { Deployment, Stand } from './deployment.ts';
import { startLoadGenerator, type LoadGenerator } from './load.ts';
import type { Signals } from './model-watcher.ts';
import { TAGS } from './posts.ts';
import { startServerProcess, type ServerProcess } from './server-process.ts';
import { quantile } from './stats.ts';
import { turned } from './store-bench.ts';

export type HttpPlan = {
  readonly writers: readonly number[];
  /** Old posts, one server for each. */
  readonly sizes: readonly number[];
  readonly repetitions: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  readonly pacedMs: number;
  /** Another checkout of the project, whose server is measured too, with as many old posts as the first size. */
  readonly before?: string;
  readonly log: (line: string) => void;
};

/** One value per repetition of each. */
export type Throughput = {
  /** Answered with 201, a second. */
  readonly accepted: number[];
  /** Accepted, a second, until the last was in the read model and confirmed; for the baseline as `accepted`. */
  readonly sustained: number[];
  /** ms of the server's CPU for a post, everything included until it was confirmed. */
  readonly cpuMs: number[];
  /** Time to the answer at the client, in ms. */
  readonly answerP50: number[];
  readonly answerP99: number[];
};
export type Lag = {
  readonly perSecond: number[];
  /**
   * Time to the answer, from there to the read model (where servers tell of that) and to the push, and from the post's
   * creation to its push, in ms; none for the baseline.
   */
  readonly sentP50: number[];
  readonly sentP99: number[];
  readonly modelP50: number[];
  readonly modelP99: number[];
  readonly answerP50: number[];
  readonly answerP99: number[];
  readonly createdP50: number[];
  readonly createdP99: number[];
  readonly within50: number[];
  readonly cpuMs: number[];
  unseen: number;
};

/** `bare`, `before`, or the number of old posts. */
export type Target = 'bare' | 'before' | number;
export type HttpFigures = {
  readonly throughput: ReadonlyMap<Target, ReadonlyMap<number, Throughput>>;
  /** Then by the writers whose rate was halved. */
  readonly lag: ReadonlyMap<Target, ReadonlyMap<number, Lag>>;
};

const SERVER_WARM_UP_MS = 2_500;
const WATCHED = TAGS.map((tag) => `feed:${tag}`);

/**
 * Real servers over HTTP beside a bare one, in turns; each server is a new process in each repetition. Stands that are not
 * in `kept` are made anew each time as well.
 */
export async function benchHttp(
  deployment: Deployment,
  kept: ReadonlyMap<number, Stand>,
  plan: HttpPlan,
): Promise<HttpFigures> {
  await using resources = new AsyncDisposableStack();
  const load = resources.use(startLoadGenerator());
  const targets: Target[] = ['bare', ...plan.sizes, ...(plan.before === undefined ? [] : ['before' as const])];
  const throughput = new Map(targets.map((target) => [target, new Map(plan.writers.map((w) => [w, newThroughput()]))]));
  const lag = new Map(targets.map((target) => [target, new Map(plan.writers.map((w) => [w, newLag()]))]));

  for (let repetition = 0; repetition < plan.repetitions; repetition += 1) {
    await using running = new AsyncDisposableStack();
    const servers = new Map<Target, ServerProcess>();
    const signals = new Map<Target, Signals>();
    for (const target of targets) {
      const size = target === 'before' ? (plan.sizes[0] ?? 0) : target;
      const stand =
        size === 'bare'
          ? running.use(await deployment.bareStand())
          : (kept.get(size) ?? running.use(await deployment.stand(size)));
      const script = target === 'bare' ? 'tests/bench/writes/bare-server.ts' : 'server/main.ts';
      const folder = target === 'before' ? plan.before : undefined;
      const server = running.use(await startServerProcess(script, stand.env, folder));
      servers.set(target, server);
      const { NATS_URL: url, NATS_PREFIX: prefix } = stand.env;
      if (url !== undefined && prefix !== undefined) signals.set(target, { url, prefix });
      await load.closed({ url: server.url, writers: 10, warmUpMs: SERVER_WARM_UP_MS, measureMs: 0 });
      await server.idle();
    }
    for (const writers of plan.writers) {
      for (const target of turned(targets, repetition)) {
        const figures = throughput.get(target)?.get(writers);
        const server = servers.get(target);
        if (figures && server) await measureThroughput(load, server, writers, plan, figures);
      }
      // The same load for all, or their lags could not be compared.
      const accepted =
        throughput
          .get(plan.sizes[0] ?? 0)
          ?.get(writers)
          ?.accepted.at(-1) ?? 0;
      for (const target of turned(targets, repetition)) {
        const figures = lag.get(target)?.get(writers);
        const server = servers.get(target);
        const streams = target === 'bare' ? [] : WATCHED;
        if (figures && server) {
          await measureLag(load, server, accepted / 2, streams, signals.get(target), plan, figures);
        }
      }
    }
    plan.log(`repetition ${repetition + 1} of ${plan.repetitions} done`);
  }
  return { throughput, lag };
}

async function measureThroughput(
  load: LoadGenerator,
  server: ServerProcess,
  writers: number,
  { warmUpMs, measureMs }: HttpPlan,
  figures: Throughput,
): Promise<void> {
  const cpuBefore = await server.cpuSeconds();
  const began = performance.now();
  const { accepted, measured, answerMs } = await load.closed({ url: server.url, writers, warmUpMs, measureMs });
  const idleAt = await server.idle();
  const cpu = (await server.cpuSeconds()) - cpuBefore;
  figures.accepted.push((measured * 1000) / measureMs);
  figures.sustained.push((accepted * 1000) / (idleAt - began));
  figures.cpuMs.push((cpu * 1000) / accepted);
  figures.answerP50.push(quantile(answerMs, 0.5));
  figures.answerP99.push(quantile(answerMs, 0.99));
}

async function measureLag(
  load: LoadGenerator,
  server: ServerProcess,
  perSecond: number,
  streams: readonly string[],
  signals: Signals | undefined,
  { pacedMs: durationMs }: HttpPlan,
  figures: Lag,
): Promise<void> {
  const cpuBefore = await server.cpuSeconds();
  const result = await load.paced({ url: server.url, perSecond, durationMs, connections: 50, streams, signals });
  await server.idle();
  const cpu = (await server.cpuSeconds()) - cpuBefore;
  figures.perSecond.push((result.posts * 1000) / result.sentForMs);
  figures.sentP50.push(quantile(result.sentToAnswerMs, 0.5));
  figures.sentP99.push(quantile(result.sentToAnswerMs, 0.99));
  figures.modelP50.push(quantile(result.answerToModelMs, 0.5));
  figures.modelP99.push(quantile(result.answerToModelMs, 0.99));
  figures.answerP50.push(quantile(result.answerToPushMs, 0.5));
  figures.answerP99.push(quantile(result.answerToPushMs, 0.99));
  figures.createdP50.push(quantile(result.createdToPushMs, 0.5));
  figures.createdP99.push(quantile(result.createdToPushMs, 0.99));
  figures.within50.push(result.answerToPushMs.filter((ms) => ms <= 50).length / result.posts);
  figures.cpuMs.push((cpu * 1000) / result.posts);
  figures.unseen += result.unseen;
}

function newThroughput(): Throughput {
  return { accepted: [], sustained: [], cpuMs: [], answerP50: [], answerP99: [] };
}

function newLag(): Lag {
  return {
    perSecond: [],
    sentP50: [],
    sentP99: [],
    modelP50: [],
    modelP99: [],
    answerP50: [],
    answerP99: [],
    createdP50: [],
    createdP99: [],
    within50: [],
    cpuMs: [],
    unseen: 0,
  };
}
