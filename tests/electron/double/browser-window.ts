import { EventEmitter } from 'node:events';
import type { Page } from '@playwright/test';
import { app } from './app.ts';
import { WebContents } from './web-contents.ts';
import { addWindow, removeWindow, windows } from './window-list.ts';

type Implemented = Pick<
  Electron.BrowserWindow,
  | 'id'
  | 'show'
  | 'hide'
  | 'focus'
  | 'blur'
  | 'isFocused'
  | 'isVisible'
  | 'isMinimized'
  | 'isMaximized'
  | 'isFullScreen'
  | 'minimize'
  | 'maximize'
  | 'unmaximize'
  | 'restore'
  | 'setFullScreen'
  | 'getBounds'
  | 'getNormalBounds'
  | 'setBounds'
  | 'getTitle'
  | 'setTitle'
  | 'close'
  | 'destroy'
  | 'isDestroyed'
  | 'loadURL'
  | 'setOverlayIcon'
>;

/** What openbox puts around a window, to its left and above it, in px. */
const FRAME = { x: 1, y: 22 };

let lastId = 0;
/** The window in front; a set of at most one. */
const inFront = new Set<BrowserWindow>();

/** A window: its place, size and state are only remembered; what it shows is a real page. */
export class BrowserWindow extends EventEmitter implements Implemented {
  static getAllWindows(): BrowserWindow[] {
    return windows() as BrowserWindow[];
  }

  static getFocusedWindow(): BrowserWindow | null {
    return [...inFront][0] ?? null;
  }

  static fromWebContents(contents: WebContents): BrowserWindow | null {
    return BrowserWindow.getAllWindows().find((window) => window.#contents === contents) ?? null;
  }

  readonly #id = ++lastId;
  readonly #contents: WebContents;
  #bounds: Electron.Rectangle;
  #title: string;
  #visible: boolean;
  #minimized = false;
  #maximized = false;
  #fullScreen = false;
  #closing = false;
  #destroyed = false;

  constructor(options: Electron.BrowserWindowConstructorOptions = {}) {
    super();
    if (!app.isReady()) throw new Error('Cannot create BrowserWindow before app is ready');
    const { x, y, width = 800, height = 600, title = 'Electron', show = true, webPreferences = {} } = options;
    // Electron centres a window without a position.
    this.#bounds = { x: x ?? Math.round((1920 - width) / 2), y: y ?? Math.round((1040 - height) / 2), width, height };
    this.#title = title;
    this.#visible = show;
    this.#contents = new WebContents(webPreferences);
    addWindow(this);
    this.webContents.on('double-page', (page: Page) => {
      this.#resizePage();
      // Closed from outside (by a test, or by the page itself): as if by its button.
      page.on('close', () => void this.#closeIfIts(page));
      page.on('domcontentloaded', () => void this.#watchTitle(page));
    });
    this.webContents.once('dom-ready', () => this.emit('ready-to-show'));
    this.webContents.on('double-focus', () => this.focus());
    if (show) this.focus();
  }

  get id(): number {
    this.#mustLive();
    return this.#id;
  }

  get webContents(): WebContents {
    this.#mustLive();
    return this.#contents;
  }

  async loadURL(url: string): Promise<void> {
    await this.webContents.loadURL(url);
  }

  show(): void {
    this.#mustLive();
    // As it ends there: nothing that the app could catch.
    if (this.#contents.isDestroyed()) process.kill(process.pid, 'SIGSEGV');
    this.#visible = true;
    this.emit('show');
    this.focus();
  }

  hide(): void {
    this.#visible = false;
    this.blur();
    this.emit('hide');
  }

  focus(): void {
    if (inFront.has(this) || this.#closing) return;
    for (const other of inFront) other.blur();
    inFront.add(this);
    this.emit('focus');
  }

  blur(): void {
    if (inFront.delete(this)) this.emit('blur');
  }

  isFocused(): boolean {
    this.#mustLive();
    return inFront.has(this);
  }

  isVisible(): boolean {
    this.#mustLive();
    return this.#visible;
  }

  isMinimized(): boolean {
    this.#mustLive();
    return this.#minimized;
  }

  isMaximized(): boolean {
    return this.#maximized;
  }

  isFullScreen(): boolean {
    return this.#fullScreen;
  }

  minimize(): void {
    this.#minimized = true;
    this.blur();
    this.emit('minimize');
  }

  maximize(): void {
    this.#maximized = true;
    this.emit('maximize');
  }

  unmaximize(): void {
    this.#maximized = false;
    this.emit('unmaximize');
  }

  restore(): void {
    this.#minimized = false;
    this.emit('restore');
  }

  setFullScreen(on: boolean): void {
    this.#fullScreen = on;
    this.emit(on ? 'enter-full-screen' : 'leave-full-screen');
  }

  getBounds(): Electron.Rectangle {
    this.#mustLive();
    return { ...this.#bounds };
  }

  getNormalBounds(): Electron.Rectangle {
    return this.getBounds();
  }

  setBounds(bounds: Partial<Electron.Rectangle>): void {
    const { x = this.#bounds.x - FRAME.x, y = this.#bounds.y - FRAME.y, ...size } = bounds;
    // Once it is there, a window manager takes a place for that of the frame.
    this.#bounds = { ...this.#bounds, ...size, x: x + FRAME.x, y: y + FRAME.y };
    this.#resizePage();
    this.emit('move');
    this.emit('resize');
  }

  getTitle(): string {
    return this.#title;
  }

  setTitle(title: string): void {
    this.#mustLive();
    this.#title = title;
  }

  setOverlayIcon(): void {
    // Only Windows shows it.
  }

  isDestroyed(): boolean {
    return this.#destroyed;
  }

  /** For the app: it goes, but is not gone yet. */
  get isClosing(): boolean {
    return this.#closing;
  }

  close(): void {
    if (this.#closing) return;
    let prevented = false;
    this.emit('close', { preventDefault: () => (prevented = true) });
    if (!prevented) this.destroy();
  }

  destroy(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.blur();
    // The contents go first: whoever waits for them hears of it while the window is still there.
    void this.#contents.destroy();
    setImmediate(() => {
      this.#destroyed = true;
      const last = removeWindow(this);
      this.emit('closed');
      if (last) app.onAllWindowsClosed();
    });
  }

  /** A window that is closed is good for nothing: Electron throws, from within `closed` on. */
  #mustLive(): void {
    if (this.#destroyed) throw new TypeError('Object has been destroyed');
  }

  async #closeIfIts(page: Page): Promise<void> {
    if ((await this.#contents.page) === page) this.close();
  }

  #resizePage(): void {
    const { width, height } = this.#bounds;
    void this.#contents.page.then((page) => page.setViewportSize({ width, height })).catch(() => undefined);
  }

  /** Reports the page's title, now and whenever it changes. */
  async #watchTitle(page: Page): Promise<void> {
    let last = '';
    while (!this.#destroyed && !page.isClosed()) {
      const before = last;
      const title = await page
        .waitForFunction((known) => document.title !== known && document.title !== '' && document.title, before, {
          polling: 200,
          timeout: 0,
        })
        .then((handle) => handle.jsonValue())
        .catch(() => undefined);
      // Another page took over, which is watched by its own call.
      if (typeof title !== 'string' || this.#destroyed) return;
      last = title;
      let prevented = false;
      this.emit('page-title-updated', { preventDefault: () => (prevented = true) }, title, true);
      if (!prevented) this.#title = title;
    }
  }
}
