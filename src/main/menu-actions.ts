import { LOCAL_PROFILE, type WindowTarget } from '../../contract/shell.ts';
import type { MenuActions } from './menu.ts';
import type { Profiles } from './profiles.ts';
import type { ServerProcess } from './server-process.ts';
import type { Updates } from './updates.ts';
import { clampZoom, type Windows } from './windows.ts';

export type MenuActionsOptions = {
  readonly windows: Windows;
  readonly server: ServerProcess;
  readonly profiles: Profiles;
  readonly updates: Updates;
  readonly showLogs: () => void;
  readonly copyDiagnostics: () => void;
  readonly quit: () => void;
};

/** Half a step of Electron's zoom levels: about 10 %. */
const ZOOM_STEP = 0.5;

/** What menus, tray and links do: mostly to the window in front, and with its profile. */
export function menuActions(options: MenuActionsOptions): MenuActions & { show(target: WindowTarget): void } {
  const { windows, server, profiles, updates } = options;
  const profileInFront = () => windows.focused()?.place().profileId ?? LOCAL_PROFILE;
  const show = (target: WindowTarget) => windows.show(target, profileInFront());
  return {
    show,
    newWindow: (profileId = profileInFront()) => void windows.open({ profileId, path: '' }),
    command: (command) => {
      const front = windows.focused();
      if (front !== undefined) windows.send('command', command, [front]);
    },
    settings: () => show({ kind: 'settings' }),
    about: () => show({ kind: 'about' }),
    zoom: (step) => {
      const contents = windows.focused()?.window.webContents;
      if (contents === undefined) return;
      const level = contents.getZoomLevel();
      contents.setZoomLevel(clampZoom({ in: level + ZOOM_STEP, out: level - ZOOM_STEP, reset: 0 }[step]));
    },
    reload: () => windows.focused()?.window.webContents.reload(),
    retry: () => {
      for (const { id } of profiles.list) server.send({ type: 'retry', profileId: id });
    },
    showLogs: options.showLogs,
    copyDiagnostics: options.copyDiagnostics,
    checkForUpdates: () => void updates.check(),
    restartToUpdate: () => void updates.restart(),
    quit: options.quit,
  };
}
