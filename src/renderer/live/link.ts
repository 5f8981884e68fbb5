import type { ToHub, ToWindow } from './wire.ts';

/** A window's way to a hub, wherever that lives. */
export interface Link {
  send(message: ToHub): void;
  /** Nothing has come back for too long: takes another way, if there is one. */
  renew(): void;
  close(): void;
}

/** The window's end of a link. */
export type LinkEnd = {
  readonly receive: (message: ToWindow) => void;
  /** There is another hub now, which does not know this window. */
  readonly onHub: () => void;
};
