import type { Dialog } from 'electron';
import type { ServerState } from '../../contract/shell.ts';

export type ServerTroubleOptions = {
  readonly dialog: Pick<Dialog, 'showMessageBox'>;
  readonly showLogs: () => void;
  readonly restart: () => void;
  readonly quit: () => void;
};

/** Tells the user, once for each time it comes to that, that the app's own server does not run; the log is at hand. */
export function tellOfServerTrouble({ dialog, showLogs, restart, quit }: ServerTroubleOptions) {
  let telling = false;
  return async ({ kind, detail = '' }: ServerState): Promise<void> => {
    if (kind !== 'failing' || telling) return;
    telling = true;
    const { response } = await dialog.showMessageBox({
      type: 'error',
      message: 'Tagwire’s own server does not run.',
      detail: `${detail}\n\nYour posts are safe in the data folder. The log says more.`.trim(),
      buttons: ['Try Again', 'Show Logs', 'Quit'],
      defaultId: 0,
      cancelId: 0,
    });
    telling = false;
    if (response === 2) return quit();
    if (response === 1) showLogs();
    restart();
  };
}
