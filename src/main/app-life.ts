import type { App } from 'electron';
import type { Log } from './logs.ts';

export type AppLifeOptions = {
  readonly app: Pick<App, 'on' | 'quit' | 'exit'>;
  readonly platform: NodeJS.Platform;
  /** Whether the app lives on in the tray when its last window is closed. */
  readonly staysInTray: () => boolean;
  readonly activate: () => void;
  /** Remembers what is open, before windows begin to close. */
  readonly save: () => void;
  /** Stops the server, releases locks. Given at most {@link SHUTDOWN_MS}. */
  readonly shutDown: () => Promise<void>;
  readonly log: Log;
};

/** Everything is to be gone within this time, in ms, after the user quits. */
export const SHUTDOWN_MS = 4800;

/** When the app ends: what is saved first, what is awaited, and that it never hangs. */
export function governAppLife(options: AppLifeOptions): { shutDown: () => Promise<void> } {
  const { app, platform, staysInTray, activate, save, log } = options;
  let shuttingDown: Promise<void> | undefined;

  /** Once, however often it is asked for; never rejects, never takes longer than it may. */
  const shutDown = () => {
    save();
    shuttingDown ??= within(SHUTDOWN_MS, options.shutDown()).catch((error: unknown) =>
      log.error('the app did not shut down cleanly', error),
    );
    return shuttingDown;
  };

  app.on('window-all-closed', () => {
    if (platform !== 'darwin' && !staysInTray()) app.quit();
  });
  app.on('activate', (_event, hasVisibleWindows) => {
    if (!hasVisibleWindows) activate();
  });
  // Windows close between these two: the first still knows what is open.
  app.on('before-quit', () => save());
  app.on('will-quit', (event) => {
    event.preventDefault();
    void shutDown().then(() => app.exit(0));
  });
  return { shutDown };
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`it took longer than ${ms} ms`)), ms);
  });
  try {
    await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
