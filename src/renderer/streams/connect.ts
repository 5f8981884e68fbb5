import { connectLive } from '../live/connect-live.ts';
import { Hub } from '../live/hub.ts';
import type { LiveClient } from '../live/live-client.ts';
import { hubOptions } from './hub-options.ts';
import { hubNameOf, workerName } from './worker-name.ts';
import { liveWorkerUrl } from './worker-url.ts';

/** Follows the streams of the API at `base`: with all other windows on one connection. */
export function connectStreams(base: URL): LiveClient {
  const url = new URL('live', base).href;
  return connectLive({
    name: hubNameOf(url),
    createWorker:
      'SharedWorker' in window
        ? (generation) => new SharedWorker(liveWorkerUrl, { name: workerName(url, generation), type: 'module' })
        : undefined,
    createHub: () => new Hub(hubOptions(url)),
    window,
  });
}
