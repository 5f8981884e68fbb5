import type { MenuItemConstructorOptions, Tray } from 'electron';

export type TrayActions = { open(): void; newWindow(): void; settings(): void; quit(): void };

/** What the tray's menu offers; the count is on top, for trays that show no tooltip. */
export function trayTemplate(unread: number, actions: TrayActions): MenuItemConstructorOptions[] {
  return [
    ...(unread > 0 ? [{ label: unreadLabel(unread), enabled: false }, { type: 'separator' as const }] : []),
    { label: 'Open Tagwire', click: () => actions.open() },
    { label: 'New Window', click: () => actions.newWindow() },
    { label: 'Settings…', click: () => actions.settings() },
    { type: 'separator' },
    { label: 'Quit', click: () => actions.quit() },
  ];
}

export type TrayOptions = {
  readonly create: () => Tray;
  readonly buildMenu: (template: MenuItemConstructorOptions[]) => Electron.Menu;
  readonly platform: NodeJS.Platform;
  readonly actions: TrayActions;
};

/** The icon in the tray or the menu bar. */
export function createTray({ create, buildMenu, platform, actions }: TrayOptions) {
  const tray = create();
  // On macOS a click opens the menu.
  if (platform !== 'darwin') tray.on('click', () => actions.open());
  const setUnread = (count: number) => {
    tray.setToolTip(count > 0 ? `Tagwire – ${unreadLabel(count)}` : 'Tagwire');
    if (platform === 'darwin') tray.setTitle(count > 0 ? String(count) : '');
    tray.setContextMenu(buildMenu(trayTemplate(count, actions)));
  };
  setUnread(0);
  return { setUnread, close: () => tray.destroy() };
}

function unreadLabel(count: number): string {
  return count === 1 ? '1 new post' : `${count} new posts`;
}
