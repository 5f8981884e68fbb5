import type { Hub } from './hub.ts';
import { leaderLink } from './leader-link.ts';
import type { Link, LinkEnd } from './link.ts';
import type { LiveClient } from './live-client.ts';
import { ownLink } from './own-link.ts';
import { WindowClient } from './window-client.ts';
import { workerLink } from './worker-link.ts';

export type ConnectOptions = {
  /** Tells the hubs of one origin apart: a name for locks, channels and storage. */
  readonly name: string;
  /** Makes the SharedWorker that runs `serveHub`; `undefined` where the browser has none. */
  readonly createWorker: ((generation: number) => SharedWorker) | undefined;
  /** Makes a hub in this window, for when there is no worker to be had. */
  readonly createHub: () => Hub;
  /** The window whose life the client follows. */
  readonly window: Window;
};

/**
 * Connects a window to the streams: through the SharedWorker that all windows share, else through the window that
 * leads them, else by a connection of its own.
 */
export function connectLive(options: ConnectOptions): LiveClient {
  const { window } = options;
  const closed = new AbortController();
  const client = new WindowClient((end) => {
    const link = openLink(options, end);
    closed.signal.addEventListener('abort', () => link.close());
    return { ...link, close: () => closed.abort() };
  });
  const listen = { signal: closed.signal };
  window.addEventListener('online', () => client.check(), listen);
  window.addEventListener('pageshow', () => client.check(), listen);
  window.addEventListener('pagehide', () => client.bye(), listen);
  window.document.addEventListener('visibilitychange', () => !window.document.hidden && client.check(), listen);
  window.document.addEventListener('resume', () => client.check(), listen);
  return client;
}

/** The best link that there is; one that turns out not to work is changed for the next. */
function openLink({ name, createWorker, createHub, window }: ConnectOptions, end: LinkEnd): Link {
  // Locks are for secure contexts only: plain http on a host's name has none.
  const locks = window.navigator.locks as LockManager | undefined;
  const withoutWorker = () =>
    locks !== undefined && 'BroadcastChannel' in window
      ? leaderLink({ name, createHub, locks, openChannel: (channel) => new BroadcastChannel(channel) }, end)
      : ownLink({ createHub, document: window.document }, end);
  let link = createWorker === undefined ? withoutWorker() : workerLink({ name, createWorker, window, onUnusable }, end);
  function onUnusable(): void {
    link.close();
    link = withoutWorker();
    end.onHub();
  }
  return { send: (message) => link.send(message), renew: () => link.renew(), close: () => link.close() };
}
