import { setTimeout as delay } from 'node:timers/promises';
import { median } from './measure.ts';
import { World } from './world.ts';

export type StormResult = {
  readonly clients: number;
  /** From the first connection to the first bytes at the last client. */
  readonly backAfterMs: number;
  readonly serverCpuPerClientUs: number;
  /** Reads of the read model for all of them. */
  readonly reads: number;
  /** How long a post took to be accepted meanwhile. */
  readonly postP50Ms: number;
  readonly postMaxMs: number;
  readonly postsMeanwhile: number;
};

/**
 * The server is killed and started again; all clients come back at once, each with a version that it had, while
 * somebody writes on. Half of them come back with nothing, so that snapshots are asked for too.
 */
export async function storm(clients: number): Promise<StormResult> {
  await using world = await World.create();
  const before = await world.target('tagwire');
  await before.seed('bench', 200);
  const load = world.load();
  await load.open(before.port, ['/api/live?stream=feed:bench'], clients);
  const version = await versionOf(before.port);
  for (let i = 0; i < 10; i++) await before.post('bench');
  await before.kill();
  await delay(500);

  const after = await world.target('tagwire', 'tagwire', before.port);
  const [reads, cpu] = [await after.reads(), await after.cpu()];
  const postMs: number[] = [];
  let isOver = false;
  const write = async () => {
    while (!isOver) {
      const start = performance.now();
      await after.post('elsewhere');
      postMs.push(performance.now() - start);
      await delay(20);
    }
  };
  const writing = write();
  const back = ['/api/live?stream=feed:bench', `/api/live?stream=feed:bench@${version}`];
  const backAfterMs = await world.load().open(after.port, back, clients);
  const cpuUs = (await after.cpu()).totalUs - cpu.totalUs;
  const readsMade = (await after.reads()) - reads;
  isOver = true;
  await writing;
  return {
    clients,
    backAfterMs,
    serverCpuPerClientUs: cpuUs / clients,
    reads: readsMade,
    postP50Ms: median(postMs),
    postMaxMs: Math.max(...postMs),
    postsMeanwhile: postMs.length,
  };
}

/** The version of the bench's feed, from the first event of its stream. */
async function versionOf(port: number): Promise<string> {
  const abort = new AbortController();
  const response = await fetch(`http://127.0.0.1:${port}/api/live?stream=feed:bench`, { signal: abort.signal });
  let text = '';
  for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += piece;
    const version = /"version":(\d+),"state"/.exec(text)?.[1];
    if (version !== undefined) {
      abort.abort();
      return version;
    }
  }
  throw new Error('The stream ended before its snapshot');
}
