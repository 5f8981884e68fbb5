import { EventEmitter } from 'node:events';
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { closeBrowser, launchBrowser } from './browser.ts';
import { windows } from './window-list.ts';

type Implemented = Pick<
  Electron.App,
  | 'name'
  | 'isPackaged'
  | 'getPath'
  | 'getAppPath'
  | 'getVersion'
  | 'getName'
  | 'isReady'
  | 'quit'
  | 'exit'
  | 'requestSingleInstanceLock'
  | 'setAppUserModelId'
  | 'setAsDefaultProtocolClient'
  | 'setBadgeCount'
  | 'getBadgeCount'
  | 'setLoginItemSettings'
  | 'getPreferredSystemLanguages'
> & { whenReady: () => Promise<void> };

const argument = (name: string) => process.argv.find((one) => one.startsWith(`--${name}=`))?.slice(name.length + 3);

/** Electron's `app`: its life cycle and paths. A second process is told apart by a file in the user data folder. */
class App extends EventEmitter implements Implemented {
  readonly isPackaged = argument('double-packaged') !== undefined;
  readonly name: string;
  readonly #root: string;
  readonly #manifest: { readonly version: string; readonly productName: string };
  readonly #userData: string;
  #ready = false;
  #badge = 0;
  #quitting = false;
  #exiting = false;
  #lock: { readonly file: string; readonly timer: NodeJS.Timeout } | undefined;
  readonly #becomesReady: Promise<void>;

  constructor() {
    super();
    this.#root = rootOf(process.argv[1] ?? '');
    this.#manifest = JSON.parse(readFileSync(join(this.#root, 'package.json'), 'utf8'));
    this.name = this.#manifest.productName;
    this.#userData = argument('user-data-dir') ?? '';
    if (this.#userData === '')
      throw new Error('The double needs --user-data-dir, so that it touches nothing of yours.');
    mkdirSync(this.#userData, { recursive: true });
    this.#becomesReady = new Promise((resolve, reject) => {
      // Not before the main script has run, as in Electron; nor for a second copy, which only hands over.
      setImmediate(() => {
        if (this.#quitting) return;
        this.#becomeReady().then(resolve, reject);
      });
    });
    this.#becomesReady.catch((error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exit(70);
    });
    process.on('SIGTERM', () => this.quit());
    process.on('SIGINT', () => this.quit());
    // The tests are gone: so are we.
    process.on('disconnect', () => this.exit(0));
  }

  getPath(name: Parameters<Electron.App['getPath']>[0]): string {
    if (name === 'userData' || name === 'sessionData') return this.#userData;
    if (name === 'exe') return process.execPath;
    return join(this.#userData, name);
  }

  getAppPath(): string {
    return this.#root;
  }

  getVersion(): string {
    return this.#manifest.version;
  }

  getName(): string {
    return this.name;
  }

  isReady(): boolean {
    return this.#ready;
  }

  whenReady(): Promise<void> {
    return this.#becomesReady;
  }

  setAppUserModelId(): void {
    // Only Windows groups by it.
  }

  setAsDefaultProtocolClient(): boolean {
    return true;
  }

  setLoginItemSettings(): void {
    // The system's own.
  }

  getPreferredSystemLanguages(): string[] {
    return ['en-GB'];
  }

  setBadgeCount(count = 0): boolean {
    this.#badge = count;
    return true;
  }

  getBadgeCount(): number {
    return this.#badge;
  }

  requestSingleInstanceLock(): boolean {
    const file = join(this.#userData, 'double.lock');
    const calls = join(this.#userData, 'double.calls');
    const holder = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
    if (holder !== 0 && isAlive(holder)) {
      appendFileSync(calls, `${JSON.stringify({ argv: process.argv, cwd: process.cwd() })}\n`);
      return false;
    }
    writeFileSync(file, String(process.pid));
    rmSync(calls, { force: true });
    let read = 0;
    const timer = setInterval(() => {
      if (!existsSync(calls)) return;
      const lines = readFileSync(calls, 'utf8').split('\n').filter(Boolean);
      for (const line of lines.slice(read)) {
        const { argv, cwd } = JSON.parse(line) as { argv: string[]; cwd: string };
        this.emit('second-instance', {}, argv, cwd, null);
      }
      read = lines.length;
    }, 50);
    this.#lock = { file, timer };
    return true;
  }

  quit(): void {
    if (this.#quitting) return;
    if (this.#isPrevented('before-quit')) return;
    this.#quitting = true;
    for (const window of windows()) window.close();
    if (windows().length === 0) this.#endUnlessPrevented();
    // One of them does not want to.
    else if (windows().some(({ isClosing }) => !isClosing)) this.#quitting = false;
  }

  exit(code = 0): void {
    if (this.#exiting) return;
    this.#exiting = true;
    this.#quitting = true;
    for (const window of windows()) window.destroy();
    this.emit('quit', {}, code);
    if (this.#lock !== undefined) {
      clearInterval(this.#lock.timer);
      rmSync(this.#lock.file, { force: true });
    }
    void closeBrowser().finally(() => process.exit(code));
  }

  /** For windows: the last one is gone. */
  onAllWindowsClosed(): void {
    if (this.#exiting) return;
    if (this.#quitting) return this.#endUnlessPrevented();
    if (this.listenerCount('window-all-closed') === 0) this.quit();
    else this.emit('window-all-closed');
  }

  #endUnlessPrevented(): void {
    if (!this.#isPrevented('will-quit')) this.exit(0);
  }

  #isPrevented(event: string): boolean {
    let prevented = false;
    this.emit(event, { preventDefault: () => (prevented = true) });
    return prevented;
  }

  async #becomeReady(): Promise<void> {
    const { endpoint } = await launchBrowser(this.#userData);
    // As macOS does it: links and activation come while the app is still starting.
    const link = argument('double-open-url');
    if (link !== undefined) {
      this.emit('open-url', { preventDefault: () => undefined }, link);
      this.emit('activate', {}, false);
    }
    this.#ready = true;
    process.send?.({ type: 'browser', endpoint });
    this.emit('ready');
  }
}

export const app = new App();

/** The folder of the app's package.json, above its main script. */
function rootOf(script: string): string {
  for (let folder = dirname(script); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (folder === dirname(folder)) throw new Error(`${script} belongs to no app: there is no package.json above it`);
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
