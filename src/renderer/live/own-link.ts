import type { Hub, HubPort } from './hub.ts';
import type { Link, LinkEnd } from './link.ts';

export type OwnLinkOptions = { readonly createHub: () => Hub; readonly document: Document };

/** So long, in ms, a hidden window keeps its connection: somebody may only have looked elsewhere. */
const HIDDEN_MS = 5_000;

/**
 * A window's way to a hub of its own, for where there is neither a SharedWorker nor a lock to lead others by. A browser
 * allows six connections a host and each of these takes one, so a window that nobody sees lets go of it, and says
 * so: it is not live until it is seen again.
 */
export function ownLink({ createHub, document }: OwnLinkOptions, end: LinkEnd): Link {
  const closed = new AbortController();
  let own: { readonly hub: Hub; readonly port: HubPort } | undefined;
  let hiding: ReturnType<typeof setTimeout> | undefined;

  function begin(): void {
    const hub = createHub();
    own = { hub, port: hub.attach(end.receive) };
  }
  function stop(): void {
    own?.hub.close();
    own = undefined;
  }
  function onVisibility(): void {
    clearTimeout(hiding);
    if (document.hidden) {
      hiding = setTimeout(() => {
        stop();
        end.onHub();
      }, HIDDEN_MS);
    } else if (own === undefined) {
      begin();
      end.onHub();
    }
  }

  begin();
  if (document.hidden) onVisibility();
  document.addEventListener('visibilitychange', onVisibility, { signal: closed.signal });
  return {
    send: (message) => own?.port.receive(message),
    renew: () => undefined,
    close() {
      closed.abort();
      clearTimeout(hiding);
      stop();
    },
  };
}
