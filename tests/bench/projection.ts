/**
 * `npm run bench:projection`: what a batch costs on MongoDB, by its size, and what several processes that project into one
 * hot feed at once cost each other. Within a minute; on a MongoDB of its own, or that of TAGWIRE_TEST_MONGO_URL.
 */
import { loadavg } from 'node:os';
import { MongoClient } from 'mongodb';
import { pino } from 'pino';
import { openMongoReadModel } from '../../server/feeds/mongo-read-model.ts';
import type { PostState } from '../../server/feeds/read-model.ts';
import { freshMongoDatabase } from '../services/databases.ts';
import { startMongo } from '../services/mongo.ts';
import { benchPost } from './writes/posts.ts';

const SIZES = [1, 8, 32, 128];
const ROUNDS = 40;
const PROCESSES = [1, 3, 1, 3];
const TOGETHER_MS = 4_000;

await using undo = new AsyncDisposableStack();
const service = await startMongo();
undo.defer(() => service.stop());
const { url } = undo.use(await freshMongoDatabase(service.url));
const client = undo.use(await MongoClient.connect(url));
let written = 0;

console.log(`${service.name} ${service.version}, load ${loadavg()[0]?.toFixed(1)}\n`);
const model = await open();
for (const size of SIZES) {
  const created = await times(ROUNDS, () => model.apply(states(size)));
  const last = written;
  const edited = await times(ROUNDS, (round) => {
    return model.apply(states(size, last - size).map((state) => at(state, round + 2)));
  });
  console.log(`batch of ${size}: new posts ${figures(created)}; edits ${figures(edited)}`);
}
for (const processes of PROCESSES) {
  const models = await Promise.all(Array.from({ length: processes }, () => open()));
  const before = await transactions();
  const began = performance.now();
  const taken = await Promise.all(
    models.map(async (each) => {
      const mine: number[] = [];
      while (performance.now() - began < TOGETHER_MS) mine.push(...(await times(1, () => each.apply(states(16)))));
      return mine;
    }),
  );
  const perSecond = (taken.flat().length * 16_000) / (performance.now() - began);
  const { committed, aborted } = await transactions();
  const conflicts = `${committed - before.committed} transactions, ${aborted - before.aborted} tries refused`;
  console.log(
    `${processes} at once: ${perSecond.toFixed(0)} posts/s in batches of 16, ${figures(taken.flat())}; ${conflicts}`,
  );
}

async function open() {
  const model = await openMongoReadModel({ url, clock: () => new Date(), logger: pino({ level: 'warn' }) });
  undo.defer(() => model.close());
  return model;
}

/** Posts that nobody has, or those from a number on; all are in one feed, and each in one of twenty. */
function states(count: number, from = written): PostState[] {
  if (from === written) written += count;
  return Array.from({ length: count }, (_, index) => {
    const id = `post${from + index}`;
    const createdAt = new Date(Date.UTC(2026, 0, 1) + (from + index) * 1_000).toISOString();
    const { title = '', content = '', author } = benchPost(from + index);
    const tags = ['hot', `t${(from + index) % 20}`];
    return {
      post: { id, version: 1, title, content, author, tags, createdAt, editedAt: null },
      version: 1,
      deleted: false,
    };
  });
}

function at(state: PostState, version: number): PostState {
  return { ...state, version, post: { ...state.post, version } };
}

async function times(rounds: number, work: (round: number) => Promise<unknown>): Promise<number[]> {
  const taken: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const began = performance.now();
    await work(round);
    taken.push(performance.now() - began);
  }
  return taken.sort((a, b) => a - b);
}

function figures(taken: number[]): string {
  const sorted = taken.toSorted((a, b) => a - b);
  const quantile = (part: number) => (sorted[Math.floor((sorted.length - 1) * part)] ?? NaN).toFixed(1);
  return `p50 ${quantile(0.5)}, p95 ${quantile(0.95)} ms`;
}

async function transactions(): Promise<{ committed: number; aborted: number }> {
  const { transactions } = await client.db('admin').command({ serverStatus: 1 });
  const { totalCommitted, totalAborted } = transactions as Record<string, unknown>;
  return { committed: Number(totalCommitted), aborted: Number(totalAborted) };
}
