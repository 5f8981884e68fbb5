import { cpus, loadavg, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import type { Deployment, Stand } from './deployment.ts';
import { embeddedDeployment } from './embedded.ts';
import { benchHttp, type HttpPlan } from './http-bench.ts';
import { checkOldPosts } from './posts.ts';
import { benchGrowth, type GrowthPlan } from './growth-bench.ts';
import { growthTable, lagTable, modelsTable, storeTable, throughputTable } from './report.ts';
import { sharedDeployment } from './shared.ts';
import { benchStores, type StorePlan } from './store-bench.ts';

/*
 * `npm run bench:writes -- [--mode embedded|shared|both] [--quick] [--sizes 0,10000,1000000] [--repetitions 5]
 * [--part store,growth,http] [--before <another checkout>]`:
 * how fast posts are accepted, and how soon they are seen (docs/benchmarks.md). The tables go to stdout.
 */

const PARTS = ['store', 'growth', 'http'];
/** Stands with fewer posts are made anew for each repetition of `http`, or they would not be small for long. */
const KEPT_FROM = 100_000;

const { values } = parseArgs({
  options: {
    mode: { type: 'string', default: 'both' },
    quick: { type: 'boolean', default: false },
    sizes: { type: 'string' },
    writers: { type: 'string', default: '1,10,50' },
    repetitions: { type: 'string' },
    part: { type: 'string', default: PARTS.join() },
    before: { type: 'string' },
  },
});
const { quick } = values;
const numbers = (list: string) => list.split(',').map(Number);
const sizes = numbers(values.sizes ?? (quick ? '0,10000' : '0,10000,1000000'));
const writers = numbers(values.writers);
const repetitions = Number(values.repetitions ?? (quick ? 2 : 5));
if (
  ![...sizes, ...writers, repetitions].every(Number.isSafeInteger) ||
  !['embedded', 'shared', 'both'].includes(values.mode)
) {
  console.error('--mode is embedded, shared or both; --sizes, --writers and --repetitions are whole numbers.');
  process.exit(2);
}

const wants = (part: string) => values.part.split(',').includes(part);
const log = (line: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${line} (load ${load()})`);
const storePlan: StorePlan = { writers, repetitions, warmUpMs: quick ? 200 : 400, measureMs: quick ? 500 : 1_500 };
const growthPlan: GrowthPlan = { repetitions, posts: quick ? 64 : 160 };
const httpPlan: HttpPlan = {
  writers,
  sizes,
  repetitions,
  warmUpMs: 300,
  measureMs: quick ? 1_000 : 1_500,
  pacedMs: quick ? 1_500 : 3_000,
  before: values.before,
  log,
};

const limitMs = (quick ? 10 : 90) * 60_000;
setTimeout(() => {
  console.error(`Not done after ${limitMs / 60_000} minutes: given up`);
  process.exit(1); // which ends all that was started, too
}, limitMs).unref();

for (const size of sizes) checkOldPosts(size);
const [cpu] = cpus();
console.log(
  `${cpu?.model ?? 'unknown processor'}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB, ` +
    `Node ${process.versions.node}, ${process.platform}; ${new Date().toISOString()}; load ${load()} before`,
);
if (values.mode !== 'shared') await bench(await embeddedDeployment());
if (values.mode !== 'embedded') await bench(await sharedDeployment());

async function bench(deployment: Deployment): Promise<void> {
  await using running = deployment;
  console.log(`\n### ${running.name}: ${running.services.join(', ')}`);
  const began = performance.now();
  if (wants('store')) {
    console.log(`\n${storeTable(await benchStores(running, storePlan))}`);
    log('the write models alone are measured');
  }
  await using stands = new AsyncDisposableStack();
  const kept = new Map<number, Stand>();
  for (const size of wants('growth') || wants('http') ? sizes : []) {
    kept.set(size, stands.use(await running.stand(size)));
    log(`${size} posts are filled in`);
  }
  if (wants('growth')) {
    console.log(`\n${modelsTable(await benchGrowth(running, kept, growthPlan))}`);
    log('the models alone are measured on feeds of each size');
  }
  for (const size of kept.keys()) if (size < KEPT_FROM) kept.delete(size);
  if (wants('http')) {
    const http = await benchHttp(running, kept, httpPlan);
    for (const part of [throughputTable(http), lagTable(http), growthTable(http)]) console.log(`\n${part}`);
  }
  const minutes = ((performance.now() - began) / 60_000).toFixed(1);
  console.log(`\n${repetitions} repetitions in ${minutes} min; load ${load()} after`);
}

function load(): string {
  return loadavg()
    .map((average) => average.toFixed(1))
    .join(' ');
}
