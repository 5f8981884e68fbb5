import { Hub, type HubOptions, type HubPort } from './hub.ts';
import type { Link, LinkEnd } from './link.ts';
import type { ToHub, ToWindow } from './wire.ts';

export type WorkerLinkOptions = {
  /** Makes the SharedWorker of that generation, or joins it: it runs {@link serveHub}. */
  readonly createWorker: (generation: number) => SharedWorker;
  /** The key in `localStorage` under which windows tell each other which generation is the present one. */
  readonly name: string;
  readonly window: Pick<Window, 'addEventListener' | 'localStorage'>;
  /** There is no worker to be had; never called before the link was returned. */
  readonly onUnusable: () => void;
};

/** Workers that never said a word, one after the other, before there is none to be had. */
const MAX_SILENT = 2;

/**
 * A window's way to the hub in the SharedWorker that all windows have in common. A worker can die, or hang, without
 * anybody being told, and a browser may hand out a hung one again under its name. So one that is silent is left for
 * one of the next generation, and all windows follow to the highest that there is.
 */
export function workerLink(options: WorkerLinkOptions, { receive, onHub }: LinkEnd): Link {
  const { name, createWorker, window, onUnusable } = options;
  const closed = new AbortController();
  let generation = storedGeneration(options);
  let silent = 0;
  let worker: SharedWorker | undefined;

  function join(): void {
    const joined = tryToCreate();
    if (joined === undefined) return void Promise.resolve().then(onUnusable);
    worker = joined;
    let hasSpoken = false;
    silent += 1;
    joined.addEventListener('error', () => joined === worker && !hasSpoken && onUnusable(), { signal: closed.signal });
    joined.port.onmessage = ({ data }: MessageEvent<ToWindow>) => {
      hasSpoken = true;
      silent = 0;
      receive(data);
    };
  }

  /** A private window or a policy may refuse workers: that is no reason not to be live. */
  function tryToCreate(): SharedWorker | undefined {
    try {
      return createWorker(generation);
    } catch {
      return undefined;
    }
  }

  function leave(): void {
    const left = worker;
    worker = undefined;
    if (left === undefined) return;
    // Should it only have been slow.
    left.port.postMessage({ type: 'bye' } satisfies ToHub);
    left.port.close();
  }

  function moveTo(next: number): void {
    if (next <= generation) return;
    leave();
    announce(name, next);
    generation = next;
    join();
    onHub();
  }

  join();
  window.addEventListener('storage', ({ key }: StorageEvent) => key === name && moveTo(storedGeneration(options)), {
    signal: closed.signal,
  });
  return {
    send: (message) => worker?.port.postMessage(message),
    renew() {
      if (silent >= MAX_SILENT) return onUnusable();
      const next = Math.max(storedGeneration(options), generation + 1);
      storeGeneration(options, next);
      moveTo(next);
    },
    close() {
      closed.abort();
      leave();
    },
  };
}

/** What a worker is told apart by: its hub, and its generation. */
export type WorkerIdentity = { readonly name: string; readonly generation: number };

/**
 * Serves a hub to every window that connects to this SharedWorker, until there is a later generation. A worker lives as
 * long as any window that ever joined it, so it must end itself: each that stayed would keep its connection, of which a
 * browser has six.
 */
export function serveHub(
  scope: { onconnect: unknown; close(): void },
  options: HubOptions,
  { name, generation }: WorkerIdentity,
): Hub {
  const hub = new Hub(options);
  if ('BroadcastChannel' in globalThis) {
    new BroadcastChannel(channelOf(name)).onmessage = ({ data }: MessageEvent<unknown>) => {
      if (typeof data !== 'number' || data <= generation) return;
      hub.close();
      scope.close();
    };
  }
  scope.onconnect = ({ ports: [port] }: MessageEvent) => {
    if (port === undefined) return;
    const hubPort: HubPort = hub.attach((message) => port.postMessage(message));
    port.onmessage = ({ data }: MessageEvent<ToHub>) => hubPort.receive(data);
  };
  return hub;
}

/** Ends the workers of earlier generations. */
function announce(name: string, generation: number): void {
  if (!('BroadcastChannel' in globalThis)) return;
  const channel = new BroadcastChannel(channelOf(name));
  channel.postMessage(generation);
  channel.close();
}

function channelOf(name: string): string {
  return `${name} generations`;
}

/** A storage that is denied or full costs that windows find out each for itself. */
function storedGeneration({ window, name }: WorkerLinkOptions): number {
  try {
    const stored = window.localStorage.getItem(name) ?? '';
    return /^\d{1,9}$/.test(stored) ? Number(stored) : 0;
  } catch {
    return 0;
  }
}

function storeGeneration({ window, name }: WorkerLinkOptions, generation: number): void {
  try {
    window.localStorage.setItem(name, String(generation));
  } catch {
    // As above.
  }
}
