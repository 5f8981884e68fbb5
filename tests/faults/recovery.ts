import type { ServerProcess } from './server-process.ts';
import { startWatcher, type Watcher } from './watcher.ts';
import type { Random } from './random.ts';
import { holdsWithin } from '../wait.ts';
import type { Writers } from './writers.ts';

/** Watches each server by itself, to see when what is written shows on all of them. */
export interface Probe {
  /** Resolves when the post shows on the streams of these servers. Throws after `limitMs`, naming those where it does not. */
  shows(id: string, on: readonly ServerProcess[], limitMs: number): Promise<void>;
  /** Writes a post, and gives the time in ms until it shows on all servers. Throws as `shows` does. */
  untilLive(writers: Writers, limitMs: number): Promise<number>;
  readonly watchers: readonly Watcher[];
}

const STREAM = 'feed:probe';

export function startProbe(
  servers: readonly ServerProcess[],
  random: Random,
  onViolation: (what: string) => void,
): Probe {
  const watchers = new Map(
    servers.map((server) => [
      server,
      startWatcher({ name: `probe of ${server.name}`, port: server.port, streams: [STREAM], random, onViolation }),
    ]),
  );
  const has = (server: ServerProcess, id: string) => {
    const state = watchers.get(server)?.states.get(STREAM)?.state as { posts: { id: string }[] } | undefined;
    return state?.posts.some((post) => post.id === id) === true;
  };
  const shows: Probe['shows'] = async (id, on, limitMs) => {
    const wait = () => on.filter((server) => !has(server, id));
    if (await holdsWithin(limitMs, () => wait().length === 0)) return;
    const names = wait().map(({ name }) => name);
    throw new Error(`Post ${id} did not show on ${names.join(', ')} within ${limitMs / 1000} s`);
  };
  return {
    watchers: [...watchers.values()],
    shows,
    async untilLive(writers, limitMs) {
      const begin = performance.now();
      const { id } = await writers.create('#probe are you there?');
      await shows(id, servers, limitMs);
      return performance.now() - begin;
    },
  };
}
