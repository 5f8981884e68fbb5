import { setTimeout as delay } from 'node:timers/promises';
import { CENTRIFUGO_PATH, isCentrifugoThere, startCentrifugo } from './centrifugo.ts';
import { interleave, type Summary, type Way } from './measure.ts';
import { isNchanThere, startNchan } from './nchan.ts';
import { FILLER, type Publisher } from './target.ts';
import { World } from './world.ts';

export type FanOutResult = Summary & { readonly clients: number; readonly kibPerClient: number };

/** What the others push for a post, for the hub that takes ready events; MARK is where its mark goes. */
const EVENT = JSON.stringify({
  stream: 'feed:bench',
  from: 1764000000041,
  version: 1764000000042,
  change: {
    total: 42,
    put: [
      {
        id: '0199d5a0-5b1e-7000-8000-000000000001',
        version: 1,
        title: 'A post of the bench',
        content: `MARK ${FILLER}#bench`,
        author: 'bench',
        tags: ['bench'],
        createdAt: '2026-11-24T06:39:00.000Z',
        editedAt: null,
      },
    ],
    remove: [],
  },
});

/** Clients of one feed: Tagwire, the SseRouter alone, a bare loop, and nchan and Centrifugo where they are there. */
export async function fanOut(clients: number, rounds: number): Promise<FanOutResult[]> {
  await using world = await World.create();
  const ways: Way[] = [];
  const kib = new Map<string, number>();
  const add = async (name: string, publisher: Publisher, path = '/api/live?stream=feed:bench') => {
    const load = world.load();
    // The first connections pay for what all share; nchan opens its channel with the first message.
    if (name === 'nchan') await publisher.post('bench');
    await load.open(publisher.port, [path], Math.min(clients, 10));
    await delay(200);
    const before = await publisher.memoryBytes();
    await load.open(publisher.port, [path], Math.max(0, clients - 10));
    await delay(500);
    kib.set(name, ((await publisher.memoryBytes()) - before) / 1024 / Math.max(1, clients - 10));
    ways.push({ name, publisher, load, feeds: ['bench'], reached: clients });
  };
  await add('tagwire', await world.target('tagwire'));
  await add('router', await world.target('router'));
  await add('bare loop', await world.target('bare'));
  if (isNchanThere()) await add('nchan', world.keep(await startNchan(EVENT)));
  if (isCentrifugoThere()) await add('Centrifugo', world.keep(await startCentrifugo(EVENT)), CENTRIFUGO_PATH);
  const posts = clients >= 5_000 ? 10 : clients >= 1_000 ? 25 : 100;
  const summaries = await interleave(ways, rounds, posts);
  return summaries.map((summary) => ({ ...summary, clients, kibPerClient: kib.get(summary.name) ?? 0 }));
}
