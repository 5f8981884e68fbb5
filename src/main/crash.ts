import type { App, BrowserWindow, Dialog, WebContents } from 'electron';
import type { Log } from './logs.ts';

export type CrashOptions = {
  readonly app: Pick<App, 'on'>;
  readonly dialog: Pick<Dialog, 'showMessageBox'>;
  readonly windowOf: (contents: WebContents) => BrowserWindow | undefined;
  readonly showLogs: () => void;
  readonly log: Log;
};

/** A page that died offers to be loaded anew; drafts and unsent posts are kept outside of it. */
export function offerReloadAfterCrash({ app, dialog, windowOf, showLogs, log }: CrashOptions): void {
  const offer = async (contents: WebContents, message: string) => {
    const window = windowOf(contents);
    if (window === undefined || window.isDestroyed()) return;
    const { response } = await dialog.showMessageBox(window, {
      type: 'error',
      message,
      detail: 'What you have typed and not sent is kept, and is there again after a reload.',
      buttons: ['Reload', 'Show Logs', 'Close Window'],
      defaultId: 0,
      cancelId: 2,
    });
    if (window.isDestroyed()) return;
    if (response === 2) return window.destroy();
    if (response === 1) showLogs();
    window.webContents.reload();
  };
  app.on('render-process-gone', (_event, contents, { reason, exitCode }) => {
    if (reason === 'clean-exit') return;
    log.error(`a window's page ended: ${reason} (${exitCode})`);
    void offer(contents, 'This window has stopped working.');
  });
  app.on('web-contents-created', (_event, contents) => {
    contents.on('unresponsive', () => {
      log.warn('a window does not respond');
      void offer(contents, 'This window does not respond.');
    });
  });
}
