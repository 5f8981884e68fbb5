import { setTimeout as delay } from 'node:timers/promises';
import type { MongoClient, TopologyDescription } from 'mongodb';
import { isMongoOutage } from './mongo-errors.ts';
import type { MongoQueries } from './mongo-queries.ts';
import { ReadModelUnavailable } from './read-model.ts';

/** What windows and API read; the tools wait for the primary. */
type Reads = Pick<MongoQueries, (typeof READS)[number]>;

const READS = [
  'post',
  'feed',
  'feeds',
  'search',
  'feedSnapshot',
  'feedChanges',
  'feedsSnapshot',
  'feedsChanges',
  'postSnapshot',
] as const;

/** A primary that says nothing for so long, in ms, may have been cut off: a secondary is asked too. */
const SILENCE_MS = 500;

/** Which members of the set the driver knows at this moment. */
export type Members = { readonly hasPrimary: boolean; readonly hasSecondary: boolean };

export function watchMembers(client: MongoClient): () => Members {
  let members: Members = { hasPrimary: true, hasSecondary: false };
  client.on('topologyDescriptionChanged', ({ newDescription }: { newDescription: TopologyDescription }) => {
    const types = new Set([...newDescription.servers.values()].map(({ type }) => type));
    members = {
      hasPrimary: ['RSPrimary', 'Standalone', 'Mongos'].some((type) => types.has(type as 'RSPrimary')),
      hasSecondary: types.has('RSSecondary'),
    };
  });
  return () => members;
}

/**
 * The reads of `primary`, which go on while a replica set elects: where there is no primary, or it is silent, `secondary`
 * answers. What it gives is of the last moment that this process has seen (mongo-transaction.ts), so nothing goes back;
 * a client that has seen more elsewhere is told to wait.
 */
export function throughElections(primary: Reads, secondary: Reads, members: () => Members): Reads {
  const behind = guarded(secondary);
  const reads = READS.map((name) => {
    const ask = (reads: Reads, given: unknown[]) =>
      (reads[name] as (...given: unknown[]) => Promise<unknown>)(...given);
    return [
      name,
      async (...given: unknown[]) => {
        const { hasPrimary, hasSecondary } = members();
        if (!hasSecondary) return ask(primary, given);
        if (!hasPrimary) return ask(behind, given);
        return firstOf(ask(primary, given), () => ask(behind, given));
      },
    ];
  });
  return Object.fromEntries(reads) as Reads;
}

/** The first answer, or the other one where the first is late or there is an outage. */
async function firstOf<T>(first: Promise<T>, other: () => Promise<T>): Promise<T> {
  const stop = new AbortController();
  try {
    const silent = delay(SILENCE_MS, 'silent' as const, { signal: stop.signal });
    silent.catch(() => undefined); // aborted
    const outcome = await Promise.race([first.then((value) => ({ value })), silent]).catch((error: unknown) => {
      if (!isMongoOutage(error)) throw error;
      return 'away' as const;
    });
    if (typeof outcome === 'object') return outcome.value;
    if (outcome === 'away') return await other();
    return await Promise.any([first, other()]).catch(() => first);
  } finally {
    stop.abort();
  }
}

/** A member that has not got so far as the client can't tell what leads on; nor may it give an older state. */
function guarded(secondary: Reads): Reads {
  const refuse = (version: number, since: number) => {
    if (version >= since) return undefined;
    throw new ReadModelUnavailable('MongoDB elects a primary, and the others have not got so far as this client');
  };
  return {
    ...secondary,
    feedChanges: async (name, since) => {
      const told = await secondary.feedChanges(name, since);
      return told ?? refuse((await secondary.feedSnapshot(name)).version, since);
    },
    feedsChanges: async (since) => {
      const told = await secondary.feedsChanges(since);
      return told ?? refuse((await secondary.feedsSnapshot()).version, since);
    },
  };
}
