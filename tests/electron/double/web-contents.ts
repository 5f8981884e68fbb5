import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import type { CDPSession, Frame, Page } from '@playwright/test';
import { browserContext } from './browser.ts';
import { app } from './app.ts';
import { answerInvoke } from './ipc-main.ts';
import { EVENT_HOOK, shimScript, type FromPage, type PagePoint } from './page-shim.ts';
import { defaultSession } from './session.ts';

type Implemented = Pick<
  Electron.WebContents,
  | 'id'
  | 'getURL'
  | 'loadURL'
  | 'reload'
  | 'send'
  | 'setWindowOpenHandler'
  | 'getZoomLevel'
  | 'setZoomLevel'
  | 'replaceMisspelling'
  | 'inspectElement'
  | 'isCrashed'
  | 'isDestroyed'
  | 'executeJavaScript'
  | 'forcefullyCrashRenderer'
>;

/** How a load ends that its window did not live to see. */
class LoadFailed extends Error {
  readonly code = 'ERR_FAILED';
  readonly errno = -2;

  constructor(url: string) {
    super(`ERR_FAILED (-2) loading '${url}'`);
  }
}

/** Of all pages that the app has not given a zoom of their own: they are of one host. */
let sharedZoom = 0;
const zoomed = new Set<WebContents>();

const BINDING = '__electronDouble';
let lastId = 0;

/** A page, in the place of Electron's `WebContents`. */
export class WebContents extends EventEmitter implements Implemented {
  readonly id = ++lastId;
  readonly session = defaultSession;
  /** For tests: the preferences that the window was made with. */
  readonly preferences: Electron.WebPreferences;
  readonly mainFrame: Pick<Electron.WebFrameMain, 'url'>;
  #page: Promise<Page>;
  #crashed = false;
  readonly #frames = new WeakMap<Frame, { readonly url: string }>();
  #current: Page | undefined;
  #openHandler: Parameters<Electron.WebContents['setWindowOpenHandler']>[0] = () => ({ action: 'allow' });
  #ownZoom: number | undefined;
  #destroyed = false;
  /** The app itself goes somewhere: that asks nobody. */
  #byApp = 0;

  constructor(preferences: Electron.WebPreferences) {
    super();
    this.preferences = preferences;
    const url = () => this.getURL();
    this.mainFrame = {
      get url() {
        return url();
      },
    };
    this.#page = this.#open();
    zoomed.add(this);
    this.once('destroyed', () => zoomed.delete(this));
    app.emit('web-contents-created', {}, this);
  }

  /** The page as it is now: after a crash there is a new one. */
  get page(): Promise<Page> {
    return this.#page;
  }

  getURL(): string {
    const url = this.#current?.url() ?? '';
    return url === 'about:blank' ? '' : url;
  }

  isCrashed(): boolean {
    return this.#crashed;
  }

  isDestroyed(): boolean {
    return this.#destroyed;
  }

  async loadURL(url: string): Promise<void> {
    const closed = Promise.withResolvers<never>();
    const onClosed = () => closed.reject(new LoadFailed(url));
    this.once('destroyed', onClosed);
    const loaded = this.#byTheApp(async (page) => void (await page.goto(url)));
    await Promise.race([loaded, closed.promise]).finally(() => this.off('destroyed', onClosed));
  }

  reload(): void {
    if (this.#crashed) return this.#replace();
    void this.#byTheApp(async (page) => void (await page.reload())).catch(() => undefined);
  }

  send(channel: string, ...args: unknown[]): void {
    void this.page
      .then((page) =>
        page.evaluate(
          ([hook, name, values]) => {
            const dispatch = (window as unknown as Record<symbol, unknown>)[Symbol.for(hook)];
            if (typeof dispatch === 'function') dispatch(name, values);
          },
          [EVENT_HOOK, channel, structuredClone(args)] as const,
        ),
      )
      // Between two pages there is nobody to hear it, as in Electron.
      .catch(() => undefined);
  }

  setWindowOpenHandler(handler: Parameters<Electron.WebContents['setWindowOpenHandler']>[0]): void {
    this.#openHandler = handler;
  }

  getZoomLevel(): number {
    return this.#ownZoom ?? sharedZoom;
  }

  setZoomLevel(level: number): void {
    if (this.#ownZoom === undefined) sharedZoom = level;
    else this.#ownZoom = level;
    for (const contents of zoomed) contents.#applyZoom();
  }

  replaceMisspelling(): void {
    throw new Error('The double has no spell checker.');
  }

  inspectElement(): void {
    throw new Error('The double has no developer tools.');
  }

  async executeJavaScript(code: string): Promise<unknown> {
    return (await this.page).evaluate(code);
  }

  forcefullyCrashRenderer(): void {
    void this.page.then(async (page) => {
      const session = await page.context().newCDPSession(page);
      // Never answered: there is nobody left.
      void session.send('Page.crash').catch(() => undefined);
    });
  }

  /** For the window: the page is gone, or is to go. */
  async destroy(): Promise<void> {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.emit('destroyed');
    await (await this.page).close().catch(() => undefined);
  }

  #applyZoom(): void {
    const zoom = 1.2 ** this.getZoomLevel();
    void this.executeJavaScript(`document.documentElement.style.zoom = ${zoom}`).catch(() => undefined);
  }

  /** Playwright can't revive a page that crashed: another one takes its place. */
  #replace(): void {
    const crashed = this.#page;
    const url = this.getURL();
    this.#crashed = false;
    this.#page = this.#open();
    void this.loadURL(url).catch(() => undefined);
    void crashed.then((page) => page.close()).catch(() => undefined);
  }

  async #open(): Promise<Page> {
    const context = await browserContext();
    const page = await context.newPage();
    await page.exposeBinding(BINDING, ({ frame }, message: FromPage) => this.#onMessage(message, frame));
    const preload = this.preferences.preload === undefined ? '' : readFileSync(this.preferences.preload, 'utf8');
    const argv = ['chromium', ...(this.preferences.additionalArguments ?? [])];
    await page.addInitScript({ content: shimScript(preload, { binding: BINDING, platform: process.platform, argv }) });
    const session = await context.newCDPSession(page);
    await this.#guardNavigation(session);
    page.on('crash', () => this.#onCrash());
    page.on('load', () => {
      if (page.url() !== 'about:blank') this.emit('did-finish-load');
    });
    page.on('domcontentloaded', () => {
      if (page.url() !== 'about:blank') this.emit('dom-ready');
    });
    await this.#watchAddress(session);
    this.#current = page;
    this.emit('double-page', page);
    return page;
  }

  /** Emits `did-navigate`, `did-navigate-in-page` and `page-title-updated` as the browser tells of them. */
  async #watchAddress(session: CDPSession): Promise<void> {
    session.on('Page.frameNavigated', ({ frame }) => {
      if (frame.parentId === undefined && frame.url !== 'about:blank')
        this.#later('did-navigate', {}, frame.url, 200, 'OK');
    });
    session.on('Page.navigatedWithinDocument', ({ url }) => this.#later('did-navigate-in-page', {}, url, true, 0, 0));
    session.on('Target.targetInfoChanged', () => undefined);
    await session.send('Page.enable');
  }

  /** Playwright's page knows its new address a moment after the protocol tells it. */
  #later(event: string, ...args: unknown[]): void {
    setTimeout(() => !this.#destroyed && this.emit(event, ...args), 20);
  }

  /** Lets the app refuse navigations that the page begins, before anything is asked for. */
  async #guardNavigation(session: CDPSession): Promise<void> {
    const { frameTree } = await session.send('Page.getFrameTree');
    session.on('Fetch.requestPaused', ({ requestId, request, frameId, redirectedRequestId }) => {
      const isMainFrame = frameId === frameTree.frame.id;
      const refused = this.#byApp === 0 && this.#isRefused(request.url, isMainFrame, redirectedRequestId !== undefined);
      const answer = refused
        ? session.send('Fetch.failRequest', { requestId, errorReason: 'Aborted' })
        : session.send('Fetch.continueRequest', { requestId });
      answer.catch(() => undefined);
    });
    await session.send('Fetch.enable', { patterns: [{ resourceType: 'Document', requestStage: 'Request' }] });
  }

  #isRefused(url: string, isMainFrame: boolean, isRedirect: boolean): boolean {
    const event = {
      url,
      isMainFrame,
      defaultPrevented: false,
      preventDefault() {
        this.defaultPrevented = true;
      },
    };
    if (isRedirect) this.emit('will-redirect', event, url);
    else {
      this.emit('will-frame-navigate', event);
      if (isMainFrame) this.emit('will-navigate', event, url);
    }
    return event.defaultPrevented;
  }

  async #byTheApp(go: (page: Page) => Promise<void>): Promise<void> {
    const page = await this.page;
    this.#byApp++;
    try {
      await go(page);
    } finally {
      this.#byApp--;
    }
  }

  async #onMessage(message: FromPage, frame: Frame): Promise<unknown> {
    if (message.type === 'invoke') {
      return answerInvoke(message.channel, { sender: this, senderFrame: this.#frameOf(frame) }, message.args);
    }
    if (message.type === 'focus') this.emit('double-focus');
    else if (message.type === 'own-zoom') this.#ownZoom ??= sharedZoom;
    else if (message.type === 'context-menu') this.emit('context-menu', {}, contextMenuParams(message.point));
    else {
      const details = { url: message.url, disposition: message.disposition, frameName: '', features: '' };
      const response = this.#openHandler(details as Electron.HandlerDetails);
      if (response.action === 'allow')
        throw new Error(`The app let a page open ${message.url}; the double has no such windows.`);
    }
    return undefined;
  }

  #frameOf(frame: Frame): { readonly url: string } {
    if (frame.parentFrame() === null) return this.mainFrame;
    const known = this.#frames.get(frame) ?? { url: frame.url() };
    this.#frames.set(frame, known);
    return known;
  }

  #onCrash(): void {
    this.#crashed = true;
    const details: Electron.RenderProcessGoneDetails = { reason: 'crashed', exitCode: 5 };
    this.emit('render-process-gone', {}, details);
    app.emit('render-process-gone', {}, this, details);
  }
}

function contextMenuParams(point: PagePoint): Partial<Electron.ContextMenuParams> {
  const can = point.isEditable;
  return {
    ...point,
    misspelledWord: '',
    dictionarySuggestions: [],
    editFlags: {
      canUndo: can,
      canRedo: can,
      canCut: can,
      canCopy: true,
      canPaste: can,
      canDelete: can,
      canSelectAll: true,
      canEditRichly: false,
    },
  };
}
