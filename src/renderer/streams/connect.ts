import { connectLive } from '../live/connect-live.ts';
import { Hub } from '../live/hub.ts';
import type { LiveClient } from '../live/live-client.ts';
import { systemTimers } from '../live/timers.ts';
import { hubOptions } from './hub-options.ts';
import LiveWorker from './live-worker.ts?sharedworker';

/** Follows the streams of the API at `base`: with all other windows through one worker, or else alone. */
export function connectStreams(base: URL): LiveClient {
  const url = new URL('live', base).href;
  return connectLive({
    // The name tells the worker its URL, and keeps profiles of one origin apart.
    createWorker: 'SharedWorker' in window ? () => new LiveWorker({ name: url }) : undefined,
    createHub: () => new Hub(hubOptions(url)),
    window,
    timers: systemTimers,
  });
}
