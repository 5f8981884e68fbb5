import type { App } from 'electron';
import { linkIn } from './deep-links.ts';

export type SingleInstanceOptions = {
  readonly app: Pick<App, 'requestSingleInstanceLock' | 'on'>;
  /** A second start came with a link. */
  readonly openLink: (link: string) => void;
  /** A second start came without one. */
  readonly openWindow: () => void;
};

/** True for the first copy of the app. A second one hands its arguments to the first, and must quit. */
export function isFirstInstance({ app, openLink, openWindow }: SingleInstanceOptions): boolean {
  if (!app.requestSingleInstanceLock()) return false;
  app.on('second-instance', (_event, argv, directory) => {
    const link = linkIn(argv, directory);
    if (link === undefined) openWindow();
    else openLink(link);
  });
  return true;
}
