import { Hub, type HubOptions, type HubPort } from './hub.ts';
import type { LiveClient } from './live-client.ts';
import type { Timers } from './timers.ts';
import { WindowClient } from './window-client.ts';
import type { ToHub, ToWindow } from './wire.ts';

export type ConnectOptions = {
  /** Makes the SharedWorker that runs `serveHub`; `undefined` where the browser has none. */
  readonly createWorker: (() => SharedWorker) | undefined;
  /** Makes a hub in this window, for when there is no worker or it does not answer. */
  readonly createHub: () => Hub;
  /** The window whose life the client follows. */
  readonly window: Window;
  readonly timers: Timers;
};

/** A worker that has not said anything after this long, in ms, is not going to. */
const WORKER_ANSWER_MS = 5_000;

/** Connects a window to the streams: through the SharedWorker that all windows share, else by its own EventSource. */
export function connectLive({ createWorker, createHub, window, timers }: ConnectOptions): LiveClient {
  let carry: (message: ToHub) => void;
  let release: () => void = () => undefined;
  const abort = new AbortController();
  const client = new WindowClient(
    (message) => carry(message),
    () => {
      abort.abort();
      release();
    },
  );

  const useOwnHub = () => {
    const hub = createHub();
    const port = hub.attach((message) => client.receive(message));
    carry = (message) => port.receive(message);
    release = () => hub.close();
    client.check();
  };
  const useWorker = (worker: SharedWorker) => {
    const giveUp = () => {
      cancelWait();
      worker.port.close();
      if (!abort.signal.aborted) useOwnHub();
    };
    const cancelWait = timers.after(WORKER_ANSWER_MS, giveUp);
    worker.addEventListener('error', giveUp, { once: true, signal: abort.signal });
    worker.port.onmessage = ({ data }: MessageEvent<ToWindow>) => {
      cancelWait();
      client.receive(data);
    };
    carry = (message) => worker.port.postMessage(message);
    release = () => worker.port.close();
  };

  const worker = tryToCreate(createWorker);
  carry = () => undefined;
  if (worker === undefined) useOwnHub();
  else useWorker(worker);

  const listen = { signal: abort.signal };
  window.addEventListener('online', () => client.check(), listen);
  window.addEventListener('pageshow', () => client.check(), listen);
  window.addEventListener('pagehide', () => client.bye(), listen);
  window.document.addEventListener('visibilitychange', () => !window.document.hidden && client.check(), listen);
  window.document.addEventListener('resume', () => client.check(), listen);
  return client;
}

/** Serves a hub to every window that connects to this SharedWorker. */
export function serveHub(scope: { onconnect: unknown }, options: HubOptions): Hub {
  const hub = new Hub(options);
  scope.onconnect = ({ ports: [port] }: MessageEvent) => {
    if (port === undefined) return;
    const hubPort: HubPort = hub.attach((message) => port.postMessage(message));
    port.onmessage = ({ data }: MessageEvent<ToHub>) => hubPort.receive(data);
  };
  return hub;
}

/** A private window or a policy may refuse workers: that is no reason not to be live. */
function tryToCreate(createWorker: (() => SharedWorker) | undefined): SharedWorker | undefined {
  try {
    return createWorker?.();
  } catch {
    return undefined;
  }
}
