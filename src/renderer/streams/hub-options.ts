import { foldState } from '../../../contract/fold.ts';
import type { HubOptions } from '../live/hub.ts';
import { explainByFetch } from './explain.ts';
import { createStreamMemory, memoryName } from './stream-memory.ts';

/** How Tagwire's streams are followed: in the worker and in a window alone. `url` is that of `GET /api/live`. */
export function hubOptions(url: string): HubOptions {
  return {
    url,
    fold: foldState,
    openSource: (address) => new EventSource(address),
    explain: explainByFetch,
    ...('indexedDB' in globalThis && { memory: createStreamMemory(memoryName(new URL('.', url).pathname)) }),
  };
}
