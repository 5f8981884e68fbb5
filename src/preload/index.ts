import { contextBridge, ipcRenderer, webFrame } from 'electron';
import type { ShellBridge, ShellEvent, ShellEvents, ShellRooms } from '../../contract/shell.ts';

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

/** What the main process gave to this window (WebPreferences.additionalArguments). */
function argument(name: string): string {
  const prefix = `--tagwire-${name}=`;
  return process.argv.find((one) => one.startsWith(prefix))?.slice(prefix.length) ?? '';
}

async function call(name: string, ...args: unknown[]): Promise<unknown> {
  try {
    return (await ipcRenderer.invoke(`tagwire:${name}`, ...args)) as unknown;
  } catch (error) {
    // Electron puts "Error invoking remote method '…': Error: " before the message, which users would see.
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(message.replace(/^Error invoking remote method '[^']*': (\w*Error: )?/, ''), { cause: error });
  }
}

/** A function for each call of the table (contract/shell.ts), by room and name. */
function rooms(): ShellRooms {
  const made: Record<string, Record<string, (...args: unknown[]) => Promise<unknown>>> = {};
  for (const name of argument('calls').split(',')) {
    const [room = '', short = ''] = name.split('.');
    (made[room] ??= {})[short] = (...args) => call(name, ...args);
  }
  return made as ShellRooms;
}

const bridge: ShellBridge = {
  ...rooms(),
  platform: process.platform,
  version: argument('version'),
  get profileId() {
    return location.pathname.split('/')[2] ?? '';
  },
  on<E extends ShellEvent>(event: E, listener: (value: ShellEvents[E]) => void) {
    if (!EVENTS.includes(event)) throw new Error(`There is no event ${String(event)}.`);
    const receive = (_event: unknown, value: ShellEvents[E]) => listener(value);
    ipcRenderer.on(`tagwire:event:${event}`, receive);
    return () => void ipcRenderer.off(`tagwire:event:${event}`, receive);
  },
};

// Chromium keeps the zoom by host, which all our windows have in common: a level that the frame itself sets is its
// window's alone, and so is whatever the main process sets from then on, over reloads and crashes.
webFrame.setZoomLevel(webFrame.getZoomLevel());

contextBridge.exposeInMainWorld('tagwire', bridge);
