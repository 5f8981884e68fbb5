import { setTimeout as delay } from 'node:timers/promises';
import { interleave, type Summary } from './measure.ts';
import { World } from './world.ts';

const live = (feed: string) => `/api/live?stream=feed:${feed}`;

/** (a) the original's way, and Tagwire's, in the same server: so many clients of one feed of so many posts. */
export async function original(clients: number, posts: number): Promise<Summary[]> {
  await using world = await World.create();
  const publisher = await world.target('tagwire');
  for (const feed of ['ours', 'theirs']) await publisher.seed(feed, posts);
  const [ours, theirs] = [world.load(), world.load()];
  await ours.open(publisher.port, [live('ours')], clients);
  await theirs.open(publisher.port, ['/original/theirs'], clients);
  await delay(500);
  return [
    ...(await interleave([{ name: 'tagwire', publisher, load: ours, feeds: ['ours'], reached: clients }], 3, 20)),
    // Some seconds for each post: two rounds of one are enough to see.
    ...(await interleave([{ name: 'original', publisher, load: theirs, feeds: ['theirs'], reached: clients }], 2, 1)),
  ];
}

export type SpreadResult = Summary & { readonly feeds: number };

/** So many clients, spread evenly over more and more feeds; posts go to each feed in turn. */
export async function spread(clients: number, counts: readonly number[], rounds: number): Promise<SpreadResult[]> {
  const results: SpreadResult[] = [];
  for (const count of counts) {
    await using world = await World.create();
    const publisher = await world.target('tagwire');
    const load = world.load();
    const feeds = Array.from({ length: count }, (_, i) => `bench${i}`);
    await load.open(publisher.port, feeds.map(live), clients);
    await delay(300);
    const [summary] = await interleave(
      [{ name: 'tagwire', publisher, load, feeds, reached: clients / count }],
      rounds,
      50,
    );
    if (summary !== undefined) results.push({ ...summary, feeds: count });
  }
  return results;
}

export type FeedSizeResult = Summary & { readonly posts: number };

/** A feed that holds more and more posts. */
export async function feedSizes(clients: number, sizes: readonly number[], rounds: number): Promise<FeedSizeResult[]> {
  await using world = await World.create();
  const publisher = await world.target('tagwire');
  const load = world.load();
  await load.open(publisher.port, [live('bench')], clients);
  const results: FeedSizeResult[] = [];
  let held = 0;
  for (const size of sizes) {
    await publisher.seed('bench', Math.max(0, size - held));
    held = Math.max(held, size);
    await delay(300);
    const [summary] = await interleave(
      [{ name: 'tagwire', publisher, load, feeds: ['bench'], reached: clients }],
      rounds,
      50,
    );
    if (summary !== undefined) results.push({ ...summary, posts: size });
  }
  return results;
}

/** A post to a feed of some clients, in a server with nobody else and in one with very many elsewhere. */
export async function elsewhere(clients: number, others: number, rounds: number): Promise<Summary[]> {
  await using world = await World.create();
  const ways = [];
  for (const elsewhere of [0, others]) {
    const name = `${elsewhere} elsewhere`;
    const publisher = await world.target('tagwire', name);
    const load = world.load();
    await load.open(publisher.port, [live('bench')], clients);
    const crowd = Array.from({ length: 100 }, (_, i) => live(`other${i}`));
    await world.load().open(publisher.port, crowd, elsewhere);
    ways.push({ name, publisher, load, feeds: ['bench'], reached: clients });
  }
  await delay(500);
  return await interleave(ways, rounds, 100);
}
