import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import type { Post } from '../../../contract/post.ts';
import type { ClosedLoad, ClosedResult, LoadRequest, PacedLoad, PacedResult } from './load.ts';
import { watchModel } from './model-watcher.ts';
import { benchPost } from './posts.ts';
import { watch } from './watcher.ts';

/*
 * The load generator, a process of its own: answers each request that comes by IPC. Every post goes over HTTP with an
 * Idempotency-Key, as the app sends it, on connections that are kept.
 */

const SETTLED_WITHIN_MS = 30_000;
let written = Math.floor(Math.random() * 1_000_000);

process.on('message', (request: LoadRequest) => {
  const run = request.kind === 'closed' ? closed(request) : paced(request);
  run.then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.stack : String(error) }),
  );
});
process.on('disconnect', () => process.exit());

/** Writers that each send the next post when the one before is answered. */
async function closed({ url, writers, warmUpMs, measureMs }: ClosedLoad): Promise<ClosedResult> {
  await using pool = poolOf(url, writers);
  const start = performance.now() + warmUpMs;
  const end = start + measureMs;
  const answerMs: number[] = [];
  let accepted = 0;
  const writer = async () => {
    while (performance.now() < end) {
      const sent = performance.now();
      await post(pool);
      accepted += 1;
      if (performance.now() >= start && performance.now() < end) answerMs.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: writers }, writer));
  return { accepted, measured: answerMs.length, measureMs, answerMs };
}

/** Posts at random moments, so many a second on average, whether the ones before are answered or not. */
async function paced({ url, perSecond, durationMs, connections, streams, signals }: PacedLoad): Promise<PacedResult> {
  await using pool = poolOf(url, connections);
  await using watcher = streams.length === 0 ? undefined : await watch(url, streams);
  await using model = signals === undefined ? undefined : await watchModel(signals);
  const answered = new Map<string, { createdAt: number; at: number }>();
  const sentToAnswerMs: number[] = [];
  const sending = new Set<Promise<void>>();
  const began = performance.now();
  for (let due = began; due < began + durationMs; due += (-Math.log(1 - Math.random()) * 1000) / perSecond) {
    const wait = due - performance.now();
    if (wait > 0.5) await delay(wait);
    const sent = performance.now();
    const one = post(pool).then((created) => {
      sentToAnswerMs.push(performance.now() - sent);
      answered.set(created.id, { createdAt: Date.parse(created.createdAt), at: now() });
    });
    sending.add(one);
    one.then(
      () => sending.delete(one),
      () => undefined,
    );
  }
  const sentForMs = performance.now() - began;
  await Promise.all(sending);
  const result: PacedResult = {
    posts: answered.size,
    sentForMs,
    unseen: 0,
    sentToAnswerMs,
    answerToModelMs: [],
    answerToPushMs: [],
    createdToPushMs: [],
  };
  if (watcher === undefined) return result;
  await Promise.race([watcher.untilSeen(answered.keys()), delay(SETTLED_WITHIN_MS, undefined, { ref: false })]);
  for (const [id, { createdAt, at }] of answered) {
    const projected = model?.projectedAt(id);
    if (projected !== undefined) result.answerToModelMs.push(projected - at);
    const seen = watcher.seenAt(id);
    if (seen === undefined) result.unseen += 1;
    else {
      result.answerToPushMs.push(seen - at);
      result.createdToPushMs.push(seen - createdAt);
    }
  }
  return result;
}

async function post(pool: Pool): Promise<Post> {
  const { statusCode, body } = await pool.request({
    method: 'POST',
    path: '/api/posts',
    headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID() },
    body: JSON.stringify(benchPost((written += 1))),
  });
  if (statusCode !== 201) throw new Error(`A post was answered with ${statusCode}: ${await body.text()}`);
  return (await body.json()) as Post;
}

function poolOf(url: string, connections: number): Pool & AsyncDisposable {
  const pool = new Pool(url, { connections, pipelining: 1 });
  return Object.assign(pool, { [Symbol.asyncDispose]: () => pool.close() });
}

/** The time of day in ms with fractions, to be compared with that of other processes of this machine. */
function now(): number {
  return performance.timeOrigin + performance.now();
}
