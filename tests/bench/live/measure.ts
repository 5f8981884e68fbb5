import { setTimeout as delay } from 'node:timers/promises';
import type { Load } from './load.ts';
import type { Publisher } from './target.ts';

/** Something to measure: a server, its clients, and the feed that is posted to. */
export type Way = {
  readonly name: string;
  readonly publisher: Publisher;
  readonly load: Load;
  readonly feeds: readonly string[];
  /** Clients that get each post. */
  readonly reached: number;
};

export type Sample = {
  readonly cpuPerPostUs: number;
  readonly cpuPerDeliveryUs: number;
  /** The kernel's part of it, NaN where it is not known. */
  readonly systemShare: number;
  readonly deliveriesPerS: number;
  readonly bytesPerDelivery: number;
  /** The post as JSON. */
  readonly postBytes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU of the load generator for the same deliveries, over the time they took: near 1 it is the bottleneck. */
  readonly loadShare: number;
};

/** The median of the rounds, and how far they lie apart: (max − min) / median. */
export type Summary = Sample & { readonly name: string; readonly rounds: number; readonly spread: number };

/**
 * Posts one after the other, each when the one before has reached everybody, in rounds: each way once in a round, in
 * changing order, so that whatever else the machine does falls upon all of them.
 */
export async function interleave(ways: readonly Way[], rounds: number, posts: number): Promise<Summary[]> {
  const samples = new Map<string, Sample[]>(ways.map(({ name }) => [name, []]));
  for (const way of ways) await round(way, Math.min(posts, 5));
  for (let i = 0; i < rounds; i++) {
    const turn = i % ways.length;
    for (const way of [...ways.slice(turn), ...ways.slice(0, turn)]) {
      samples.get(way.name)?.push(await round(way, posts));
    }
  }
  return ways.map(({ name }) => summary(name, samples.get(name) ?? []));
}

async function round({ publisher, load, feeds, reached }: Way, posts: number): Promise<Sample> {
  await delay(50);
  const before = await publisher.cpu();
  await load.begin(reached);
  let postBytes = 0;
  const start = performance.now();
  for (let i = 0; i < posts; i++) {
    const all = reached > 0 ? load.reached() : Promise.resolve();
    [postBytes] = await Promise.all([publisher.post(feeds[i % feeds.length] ?? ''), all]);
  }
  const seconds = (performance.now() - start) / 1_000;
  // What comes after the last delivery (confirming, say) belongs to the post as well.
  await delay(50);
  const after = await publisher.cpu();
  const report = await load.report();
  const cpuUs = after.totalUs - before.totalUs;
  return {
    cpuPerPostUs: cpuUs / posts,
    cpuPerDeliveryUs: cpuUs / Math.max(1, report.deliveries),
    systemShare: ((after.systemUs ?? NaN) - (before.systemUs ?? NaN)) / cpuUs,
    deliveriesPerS: report.deliveries / seconds,
    bytesPerDelivery: report.bytes / Math.max(1, report.deliveries),
    postBytes,
    p50Ms: report.p50Us / 1_000,
    p99Ms: report.p99Us / 1_000,
    loadShare: report.cpuUs / 1e6 / seconds,
  };
}

function summary(name: string, samples: readonly Sample[]): Summary {
  const cpu = samples.map(({ cpuPerDeliveryUs }) => cpuPerDeliveryUs);
  const of = (pick: (sample: Sample) => number) => median(samples.map(pick));
  return {
    name,
    rounds: samples.length,
    cpuPerPostUs: of((sample) => sample.cpuPerPostUs),
    cpuPerDeliveryUs: median(cpu),
    systemShare: of((sample) => sample.systemShare),
    deliveriesPerS: of((sample) => sample.deliveriesPerS),
    bytesPerDelivery: of((sample) => sample.bytesPerDelivery),
    postBytes: of((sample) => sample.postBytes),
    p50Ms: of((sample) => sample.p50Ms),
    p99Ms: of((sample) => sample.p99Ms),
    loadShare: of((sample) => sample.loadShare),
    spread: (Math.max(...cpu) - Math.min(...cpu)) / median(cpu),
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle) - 1] ?? 0)) / 2;
}
