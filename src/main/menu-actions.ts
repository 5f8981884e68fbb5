import { LOCAL_PROFILE, type WindowTarget } from '../../contract/shell.ts';
import type { MenuActions } from './menu.ts';
import type { Profiles } from './profiles.ts';
import type { ServerProcess } from './server-process.ts';
import type { Updates } from './updates.ts';
import type { Windows } from './windows.ts';

export type MenuActionsOptions = {
  readonly windows: Windows;
  readonly server: ServerProcess;
  readonly profiles: Profiles;
  readonly updates: Updates;
  readonly showLogs: () => void;
  readonly copyDiagnostics: () => void;
  readonly quit: () => void;
};

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
      const front = windows.focused();
      if (front !== undefined) windows.zoom(front, step);
    },
    reload: () => windows.focused()?.contents.reload(),
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
