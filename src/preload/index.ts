import { contextBridge, ipcRenderer, webFrame } from 'electron';
import type { ShellBridge, ShellCall, ShellEvent, ShellEvents } from '../../contract/shell.ts';

/*
 * The narrow bridge (contract/shell.ts): one function for each call, none that takes a channel's name from the page.
 * What crosses it is plain data; Electron's event object, which holds the sender, never does.
 */

/** The page's address; the compiler knows no DOM here, and nothing else of it is needed. */
declare const location: { readonly pathname: string };

const EVENTS = [
  'profiles',
  'connections',
  'followed',
  'unread',
  'settings',
  'updates',
  'server',
  'command',
] as const satisfies ShellEvent[];

/** Arguments that the main process gave to this window (WebPreferences.additionalArguments). */
const version = process.argv.find((argument) => argument.startsWith('--tagwire-version='))?.split('=')[1] ?? '';

async function call(name: ShellCall, ...args: unknown[]): Promise<never> {
  try {
    return (await ipcRenderer.invoke(`tagwire:${name}`, ...args)) as never;
  } catch (error) {
    // Electron puts "Error invoking remote method '…': Error: " before the message, which users would see.
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(message.replace(/^Error invoking remote method '[^']*': (\w*Error: )?/, ''), { cause: error });
  }
}

const bridge: ShellBridge = {
  platform: process.platform,
  version,
  get profileId() {
    return location.pathname.split('/')[2] ?? '';
  },
  on<E extends ShellEvent>(event: E, listener: (value: ShellEvents[E]) => void) {
    if (!EVENTS.includes(event)) throw new Error(`There is no event ${String(event)}.`);
    const receive = (_event: unknown, value: ShellEvents[E]) => listener(value);
    ipcRenderer.on(`tagwire:event:${event}`, receive);
    return () => void ipcRenderer.off(`tagwire:event:${event}`, receive);
  },
  profiles: {
    list: () => call('profiles.list'),
    check: (url) => call('profiles.check', url),
    add: (profile) => call('profiles.add', profile),
    rename: (id, name) => call('profiles.rename', id, name),
    remove: (id) => call('profiles.remove', id),
    switch: (id) => call('profiles.switch', id),
  },
  connections: {
    list: () => call('connections.list'),
    retry: (profileId) => call('connections.retry', profileId),
  },
  windows: {
    open: (target, profileId) => call('windows.open', target, profileId),
    setTyping: (typing) => call('windows.setTyping', typing),
  },
  feeds: {
    followed: () => call('feeds.followed'),
    follow: (feed, on) => call('feeds.follow', feed, on),
  },
  unread: {
    get: () => call('unread.get'),
    clear: (feed) => call('unread.clear', feed),
  },
  settings: {
    get: () => call('settings.get'),
    set: (change) => call('settings.set', change),
  },
  about: { get: () => call('about.get') },
  diagnostics: { copy: () => call('diagnostics.copy') },
  logs: { show: () => call('logs.show') },
  updates: {
    get: () => call('updates.get'),
    check: () => call('updates.check'),
    restart: () => call('updates.restart'),
  },
  server: { get: () => call('server.get'), restart: () => call('server.restart') },
  links: { open: (url) => call('links.open', url) },
};

// Chromium keeps the zoom by host, which all our windows have in common: a level that the frame itself sets is its
// window's alone, and so is whatever the main process sets from then on, over reloads and crashes.
webFrame.setZoomLevel(webFrame.getZoomLevel());

contextBridge.exposeInMainWorld('tagwire', bridge);
