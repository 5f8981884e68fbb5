import { SILENCE_MS } from '../../../contract/streams.ts';
import { explainByFetch } from '../live/explain.ts';
import type { HubOptions } from '../live/hub.ts';
import { systemTimers } from '../live/timers.ts';
import { foldState } from './fold.ts';
import { createStreamMemory, memoryName } from './stream-memory.ts';

/** How Tagwire's streams are followed: in the worker and in a window alone. `url` is that of `GET /api/live`. */
export function hubOptions(url: string): HubOptions {
  return {
    url,
    fold: foldState,
    openSource: (address) => new EventSource(address),
    explain: explainByFetch,
    timers: systemTimers,
    silenceMs: SILENCE_MS,
    ...('indexedDB' in globalThis && { memory: createStreamMemory(memoryName(new URL('.', url).pathname)) }),
  };
}
