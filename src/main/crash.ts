import type { App, Dialog, WebContents } from 'electron';
import type { Log } from './logs.ts';
import { isAlive, type AppWindow } from './windows.ts';

export type CrashOptions = {
  readonly app: Pick<App, 'on'>;
  readonly dialog: Pick<Dialog, 'showMessageBox'>;
  readonly windowOf: (contents: WebContents) => AppWindow | undefined;
  readonly showLogs: () => void;
  readonly log: Log;
};

/**
 * A page that died or hangs offers to be loaded anew; drafts and unsent posts are kept outside of it. One question at a
 * time for each window, which is taken back when the page answers again.
 */
export function offerReloadAfterCrash({ app, dialog, windowOf, showLogs, log }: CrashOptions): void {
  const asking = new Map<WebContents, AbortController>();
  /** Being ended here, because only then they can be loaded anew. */
  const ending = new WeakSet<WebContents>();

  const offer = async (contents: WebContents, message: string) => {
    const shown = windowOf(contents);
    if (shown === undefined || asking.has(contents)) return;
    const recovered = new AbortController();
    asking.set(contents, recovered);
    const { response } = await dialog
      .showMessageBox(shown.window, {
        type: 'error',
        message,
        detail: 'What you have typed and not sent is kept, and is there again after a reload.',
        buttons: ['Reload', 'Show Logs', 'Close Window'],
        defaultId: 0,
        cancelId: 2,
        signal: recovered.signal,
      })
      .finally(() => asking.delete(contents));
    if (recovered.signal.aborted || !isAlive(shown)) return;
    if (response === 2) return shown.window.destroy();
    if (response === 1) showLogs();
    if (contents.isCrashed()) return contents.reload();
    // A page that hangs heeds no reload, and while its process is ending none is begun.
    ending.add(contents);
    contents.forcefullyCrashRenderer();
  };

  app.on('render-process-gone', (_event, contents, { reason, exitCode }) => {
    if (ending.delete(contents)) return contents.reload();
    if (reason === 'clean-exit') return;
    log.error(`a window's page ended: ${reason} (${exitCode})`);
    void offer(contents, 'This window has stopped working.');
  });
  app.on('web-contents-created', (_event, contents) => {
    contents.on('unresponsive', () => {
      log.warn('a window does not respond');
      void offer(contents, 'This window does not respond.');
    });
    contents.on('responsive', () => asking.get(contents)?.abort());
  });
}
