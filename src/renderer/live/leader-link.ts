import type { Hub, HubPort } from './hub.ts';
import type { Link, LinkEnd } from './link.ts';
import type { ToHub, ToWindow } from './wire.ts';

export type LeaderLinkOptions = {
  /** Names the lock and the channel. */
  readonly name: string;
  readonly createHub: () => Hub;
  readonly locks: LockManager;
  readonly openChannel: (name: string) => BroadcastChannel;
};

/** What goes over the channel: every window hears everything. */
type Letter =
  | { readonly to: 'leader'; readonly from: string; readonly message: ToHub }
  | { readonly to: string; readonly message: ToWindow }
  /** Somebody leads from now on. */
  | { readonly to: 'all' };

type Leadership = { readonly hub: Hub; readonly own: HubPort; readonly ports: Map<string, HubPort> };

/**
 * A window's way to a hub without a SharedWorker: one window holds the lock and has the hub, for itself and over
 * a BroadcastChannel for the others, so that they all need one connection. When it goes, however it goes, the browser gives the
 * lock to the next; from one that does not answer (frozen, say) it is stolen.
 */
export function leaderLink({ name, createHub, locks, openChannel }: LeaderLinkOptions, end: LinkEnd): Link {
  const id = Array.from(crypto.getRandomValues(new Uint32Array(2)), (part) => part.toString(36)).join('-');
  const channel = openChannel(name);
  let leading: Leadership | undefined;
  /** Ends the wait for the lock, or gives it back. */
  let giveUp = (): void => undefined;
  let isClosed = false;

  channel.onmessage = ({ data }: MessageEvent<Letter>) => {
    if ('from' in data) {
      if (leading !== undefined) portOf(leading, data.from).receive(data.message);
    } else if (leading === undefined) {
      if (data.to === 'all') end.onHub();
      else if (data.to === id && 'message' in data) end.receive(data.message);
    }
  };

  function portOf({ hub, ports }: Leadership, from: string): HubPort {
    const known = ports.get(from);
    if (known !== undefined) return known;
    const port = hub.attach((message) => channel.postMessage({ to: from, message } satisfies Letter));
    ports.set(from, port);
    return port;
  }

  function contend(steal: boolean): void {
    giveUp();
    const abort = new AbortController();
    const held = new Promise<void>((release) => abort.signal.addEventListener('abort', () => release()));
    giveUp = () => abort.abort();
    const lead = () => {
      if (isClosed || abort.signal.aborted) return undefined;
      const hub = createHub();
      leading = { hub, own: hub.attach(end.receive), ports: new Map() };
      channel.postMessage({ to: 'all' } satisfies Letter);
      end.onHub();
      return held;
    };
    // A thief cannot wait, hence takes no signal.
    locks
      .request(name, steal ? { steal } : { signal: abort.signal }, lead)
      .catch(() => undefined)
      .finally(() => {
        if (abort.signal.aborted || isClosed) return;
        // It was stolen from this window, which lines up again.
        stepDown();
        contend(false);
      });
  }

  function stepDown(): void {
    leading?.hub.close();
    leading = undefined;
  }

  contend(false);
  return {
    send(message) {
      if (leading !== undefined) leading.own.receive(message);
      else channel.postMessage({ to: 'leader', from: id, message } satisfies Letter);
    },
    renew() {
      if (leading === undefined) contend(true);
    },
    close() {
      isClosed = true;
      giveUp();
      stepDown();
      channel.close();
    },
  };
}
