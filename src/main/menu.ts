import type { MenuItemConstructorOptions } from 'electron';
import type { Profile, ShellCommand, UpdateState } from '../../contract/shell.ts';

export type MenuActions = {
  newWindow(profileId?: string): void;
  /** Asks the window in front. */
  command(command: ShellCommand): void;
  settings(): void;
  about(): void;
  zoom(step: 'in' | 'out' | 'reset'): void;
  reload(): void;
  retry(): void;
  showLogs(): void;
  copyDiagnostics(): void;
  checkForUpdates(): void;
  restartToUpdate(): void;
  quit(): void;
};

export type MenuState = {
  readonly platform: NodeJS.Platform;
  readonly appName: string;
  readonly profiles: readonly Profile[];
  readonly update: UpdateState;
};

const separator: MenuItemConstructorOptions = { type: 'separator' };

/** The application menu, as each platform is used to it. */
export function menuTemplate({ platform, appName, profiles, update }: MenuState, actions: MenuActions) {
  const mac = platform === 'darwin';
  const about = { id: 'about', label: `About ${appName}`, click: () => actions.about() };
  const settings = { id: 'settings', label: 'Settings…', accelerator: 'CmdOrCtrl+,', click: () => actions.settings() };
  const updates = updateItem(update, actions);
  const template: MenuItemConstructorOptions[] = [
    {
      label: '&File',
      submenu: [
        { id: 'new-post', label: 'New Post', accelerator: 'CmdOrCtrl+N', click: () => actions.command('new-post') },
        { id: 'new-window', label: 'New Window', accelerator: 'CmdOrCtrl+Shift+N', click: () => actions.newWindow() },
        {
          label: 'New Window on',
          submenu: profiles.map(({ id, name }) => ({ label: escapeLabel(name), click: () => actions.newWindow(id) })),
        },
        separator,
        ...(mac ? [] : [settings, separator]),
        { role: 'close' },
        ...(mac ? [] : [{ id: 'quit', label: 'Quit', accelerator: 'Ctrl+Q', click: () => actions.quit() }]),
      ],
    },
    {
      label: '&Edit',
      submenu: [
        { role: 'undo' },
        { role: 'redo' },
        separator,
        { role: 'cut' },
        { role: 'copy' },
        { role: 'paste' },
        { role: 'pasteAndMatchStyle' },
        { role: 'delete' },
        { role: 'selectAll' },
        separator,
        { id: 'find', label: 'Find on Page…', accelerator: 'CmdOrCtrl+F', click: () => actions.command('find') },
        {
          id: 'search',
          label: 'Search Posts…',
          accelerator: 'CmdOrCtrl+Shift+F',
          click: () => actions.command('search'),
        },
      ],
    },
    {
      label: '&View',
      submenu: [
        { id: 'reload', label: 'Reload', accelerator: 'CmdOrCtrl+R', click: () => actions.reload() },
        { id: 'retry', label: 'Reconnect Now', click: () => actions.retry() },
        separator,
        { id: 'zoom-reset', label: 'Actual Size', accelerator: 'CmdOrCtrl+0', click: () => actions.zoom('reset') },
        { id: 'zoom-in', label: 'Zoom In', accelerator: 'CmdOrCtrl+Plus', click: () => actions.zoom('in') },
        // The key beside 0 needs no Shift on many layouts.
        {
          label: 'Zoom In',
          accelerator: 'CmdOrCtrl+=',
          visible: false,
          acceleratorWorksWhenHidden: true,
          click: () => actions.zoom('in'),
        },
        { id: 'zoom-out', label: 'Zoom Out', accelerator: 'CmdOrCtrl+-', click: () => actions.zoom('out') },
        separator,
        { role: 'togglefullscreen' },
        { role: 'toggleDevTools' },
      ],
    },
    {
      label: '&Go',
      submenu: [
        { id: 'back', label: 'Back', accelerator: mac ? 'Cmd+[' : 'Alt+Left', click: () => actions.command('go-back') },
        {
          id: 'forward',
          label: 'Forward',
          accelerator: mac ? 'Cmd+]' : 'Alt+Right',
          click: () => actions.command('go-forward'),
        },
      ],
    },
    { label: '&Window', role: 'windowMenu' },
    {
      label: '&Help',
      role: 'help',
      submenu: [
        { id: 'show-logs', label: 'Show Logs', click: () => actions.showLogs() },
        { id: 'copy-diagnostics', label: 'Copy Diagnostics', click: () => actions.copyDiagnostics() },
        ...(mac ? [] : [separator, updates, about]),
      ],
    },
  ];
  if (!mac) return template;
  const appMenu: MenuItemConstructorOptions = {
    label: appName,
    submenu: [
      about,
      updates,
      separator,
      settings,
      separator,
      { role: 'services' },
      separator,
      { role: 'hide' },
      { role: 'hideOthers' },
      { role: 'unhide' },
      separator,
      { id: 'quit', label: `Quit ${appName}`, accelerator: 'Cmd+Q', click: () => actions.quit() },
    ],
  };
  return [appMenu, ...template];
}

function updateItem(update: UpdateState, actions: MenuActions): MenuItemConstructorOptions {
  if (update.kind === 'ready') {
    return { id: 'updates', label: `Restart to Update to ${update.version}`, click: () => actions.restartToUpdate() };
  }
  const busy = update.kind === 'checking' || update.kind === 'downloading';
  return {
    id: 'updates',
    label: update.kind === 'downloading' ? `Downloading ${update.version}…` : 'Check for Updates…',
    enabled: !busy && update.kind !== 'unavailable',
    click: () => actions.checkForUpdates(),
  };
}

/** In a menu's label `&` marks the key that opens it. */
function escapeLabel(label: string): string {
  return label.replaceAll('&', '&&');
}
