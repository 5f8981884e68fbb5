import { setTimeout as delay } from 'node:timers/promises';
import type { Protocol } from './load-process.ts';
import { interleave, type Summary, type Way } from './measure.ts';
import { World } from './world.ts';

export type TransportResult = Summary & { readonly kibPerClient: number };

/** The SseRouter over HTTP/1.1, over HTTP/2 without TLS, and with compressed streams. */
export async function transports(clients: number, rounds: number): Promise<TransportResult[]> {
  await using world = await World.create();
  const ways: Way[] = [];
  const kib: number[] = [];
  for (const protocol of ['http1', 'h2c', 'gzip'] satisfies Protocol[]) {
    const publisher = await world.target(protocol === 'http1' ? 'router' : protocol);
    const load = world.load();
    const port = protocol === 'h2c' ? publisher.h2Port : publisher.port;
    const before = await publisher.memoryBytes();
    await load.open(port, ['/api/live?stream=feed:bench'], clients, protocol);
    await delay(500);
    kib.push(((await publisher.memoryBytes()) - before) / 1024 / clients);
    ways.push({ name: protocol, publisher, load, feeds: ['bench'], reached: clients });
  }
  const summaries = await interleave(ways, rounds, 20);
  return summaries.map((summary, i) => ({ ...summary, kibPerClient: kib[i] ?? 0 }));
}

/** What a write costs: the bare loop in three ways, and the SseRouter. */
export async function writes(clients: number, rounds: number): Promise<Summary[]> {
  await using world = await World.create();
  const ways: Way[] = [];
  for (const variant of ['bare', 'bare-buffer', 'bare-socket', 'router'] as const) {
    const publisher = await world.target(variant);
    const load = world.load();
    await load.open(publisher.port, ['/api/live?stream=feed:bench'], clients);
    ways.push({ name: variant, publisher, load, feeds: ['bench'], reached: clients });
  }
  await delay(500);
  return await interleave(ways, rounds, 25);
}
