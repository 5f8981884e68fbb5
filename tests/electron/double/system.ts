import { EventEmitter } from 'node:events';
import { app } from './app.ts';

/*
 * The parts of the system that a test cannot see: each remembers what it was told.
 */

export class Notification
  extends EventEmitter
  implements Pick<Electron.Notification, 'title' | 'body' | 'show' | 'close'>
{
  /** For tests: the titles of all that were shown. */
  static readonly shown: string[] = [];

  static isSupported(): boolean {
    return true;
  }

  title: string;
  body: string;

  constructor({ title = '', body = '' }: Electron.NotificationConstructorOptions = {}) {
    super();
    this.title = title;
    this.body = body;
  }

  show(): void {
    Notification.shown.push(this.title);
    this.emit('show', {});
  }

  close(): void {
    this.emit('close', {});
  }
}

export class Tray
  extends EventEmitter
  implements Pick<Electron.Tray, 'setToolTip' | 'setTitle' | 'getTitle' | 'destroy' | 'isDestroyed'>
{
  toolTip = '';
  contextMenu: unknown;
  #title = '';
  #destroyed = false;

  setToolTip(toolTip: string): void {
    this.toolTip = toolTip;
  }

  setTitle(title: string): void {
    this.#title = title;
  }

  getTitle(): string {
    return this.#title;
  }

  setContextMenu(menu: unknown): void {
    this.contextMenu = menu;
  }

  destroy(): void {
    this.#destroyed = true;
  }

  isDestroyed(): boolean {
    return this.#destroyed;
  }
}

export const dialog = {
  /** Tests put their own in its place; nobody is there to answer. */
  showMessageBox: async (...args: unknown[]): Promise<Electron.MessageBoxReturnValue> => {
    const options = args.at(-1) as Electron.MessageBoxOptions;
    process.stderr.write(`a dialog was shown: ${options.message} ${options.detail ?? ''}\n`);
    return { response: options.cancelId ?? 0, checkboxChecked: false };
  },
  showErrorBox: (title: string, content: string) => void process.stderr.write(`${title}: ${content}\n`),
} satisfies Pick<Electron.Dialog, 'showErrorBox'> & { showMessageBox: unknown };

export const shell = {
  openExternal: async (url: string) => void process.stderr.write(`opened outside: ${url}\n`),
  openPath: async () => '',
} satisfies Pick<Electron.Shell, 'openExternal' | 'openPath'>;

let copied = '';
export const clipboard = {
  writeText: (text: string) => void (copied = text),
  readText: () => copied,
} satisfies { [Name in 'writeText' | 'readText']: (...args: never[]) => unknown };

export const nativeImage = {
  createFromPath: (path: string) => ({ path, isEmpty: () => false, setTemplateImage: () => undefined }),
} satisfies { createFromPath: (path: string) => Pick<Electron.NativeImage, 'isEmpty' | 'setTemplateImage'> };

const DISPLAY = {
  id: 1,
  bounds: { x: 0, y: 0, width: 1920, height: 1080 },
  workArea: { x: 0, y: 0, width: 1920, height: 1040 },
  size: { width: 1920, height: 1080 },
  scaleFactor: 1,
} satisfies Partial<Electron.Display>;

export const screen = {
  getAllDisplays: () => [DISPLAY],
  getPrimaryDisplay: () => DISPLAY,
  getDisplayMatching: () => DISPLAY,
} satisfies {
  [Name in 'getAllDisplays' | 'getPrimaryDisplay' | 'getDisplayMatching']: (
    ...args: Parameters<Electron.Screen[Name]>
  ) => unknown;
};

/** Turns the text around: enough to see that it is not stored as it is. As in Electron, not before the app is ready. */
export const safeStorage = {
  isEncryptionAvailable: () => app.isReady(),
  encryptString: (text: string) => Buffer.from(Buffer.from(text).toReversed()),
  decryptString: (encrypted: Buffer) => Buffer.from(encrypted.toReversed()).toString(),
} satisfies Pick<Electron.SafeStorage, 'isEncryptionAvailable' | 'encryptString' | 'decryptString'>;
