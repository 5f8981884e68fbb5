import { join } from 'node:path';
import type { BrowserWindow, BrowserWindowConstructorOptions, Screen, WebContents } from 'electron';
import { z } from 'zod';
import {
  LOCAL_PROFILE,
  ShellCalls,
  pathOf,
  type ShellEvent,
  type ShellEvents,
  type WindowTarget,
} from '../../contract/shell.ts';
import type { Log } from './logs.ts';
import { WEB_PREFERENCES, placeOf } from './security.ts';
import { Stored } from './stored.ts';
import { MIN_SIZE, WindowState, ZOOM, cascade, fitToScreens } from './window-state.ts';

export type Place = { readonly profileId: string; readonly path: string };

export type WindowsOptions = {
  readonly create: (options: BrowserWindowConstructorOptions) => BrowserWindow;
  readonly screen: Pick<Screen, 'getAllDisplays' | 'getPrimaryDisplay' | 'getDisplayMatching'>;
  readonly stored: Stored<WindowState[]>;
  readonly preload: string;
  readonly version: string;
  /** Empty where the system takes it from the app's package. */
  readonly icon?: string;
  readonly profileName: (profileId: string) => string | undefined;
  readonly log: Log;
};

/** A window, with what it shows. */
export type AppWindow = {
  readonly window: BrowserWindow;
  /** Kept here, for a window that is closed no longer gives it. */
  readonly contents: WebContents;
  readonly place: () => Place;
  /** Text was typed there and not sent. */
  typing: boolean;
};

/** Bounds change many times a second while a window is dragged: they are saved after this much quiet, in ms. */
const SAVE_MS = 500;

/** Half a step of Electron's zoom levels: about 10 %. */
const ZOOM_STEP = 0.5;

/**
 * Whether a window may still be touched. Its contents go first, then it: to show it in between ends the process. To be
 * asked again after each wait.
 */
export function isAlive({ window, contents }: AppWindow): boolean {
  return !contents.isDestroyed() && !window.isDestroyed();
}

export function storedWindows(directory: string, log: Log): Stored<WindowState[]> {
  return new Stored({
    path: join(directory, 'windows.json'),
    version: 1,
    schema: z.array(WindowState).max(50),
    fallback: () => [],
    log,
  });
}

/**
 * The app's windows: opens them on a place, remembers where they are and what they show, and brings them back. What
 * is remembered is what was open when the app quit, or, where it lived on in the tray, the last window closed.
 */
export class Windows {
  readonly #options: WindowsOptions;
  readonly #windows = new Map<number, AppWindow>();
  readonly #listeners = new Set<() => void>();
  /** Windows whose page could not be loaded: the server was just not there. */
  readonly #unloaded = new WeakSet<AppWindow>();
  #origin = '';
  #saveTimer: NodeJS.Timeout | undefined;
  #quitting = false;

  constructor(options: WindowsOptions) {
    this.#options = options;
  }

  get all(): AppWindow[] {
    return [...this.#windows.values()].filter(isAlive);
  }

  get origin(): string {
    return this.#origin;
  }

  /** Called when a window opens, closes, gets or loses the focus, or shows something else. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The server is there, perhaps at another port than before: windows that show the old one, or nothing, go there. */
  setOrigin(origin: string): void {
    const moved = this.#origin !== origin;
    this.#origin = origin;
    for (const each of this.all) if (moved || this.#unloaded.has(each)) this.#load(each, each.place());
  }

  /** The window in front, or the one that was last. */
  focused(): AppWindow | undefined {
    return this.all.find(({ window }) => window.isFocused()) ?? this.all.at(-1);
  }

  byContents(contents: WebContents): AppWindow | undefined {
    return this.all.find((each) => each.contents === contents);
  }

  /** Whether somebody can be looking at this place right now. */
  isShowing(profileId: string, path: string): boolean {
    return this.all.some(({ window, place }) => {
      const shown = place();
      return window.isFocused() && window.isVisible() && shown.profileId === profileId && shown.path === path;
    });
  }

  /** Brings back the windows of last time, without those of profiles that are gone; at least one window. */
  restore(): void {
    const states = this.#options.stored.value.filter(({ profileId }) => this.#options.profileName(profileId));
    for (const state of states) this.#open(state, state);
    if (states.length === 0) this.open({ profileId: LOCAL_PROFILE, path: '' });
  }

  /** Opens a new window, a step beside `from` where there is one. */
  open(place: Place, from = this.focused()): AppWindow {
    const bounds = from?.window.getNormalBounds();
    const screen = bounds && this.#options.screen.getDisplayMatching(bounds).workArea;
    return this.#open(place, {
      bounds: bounds && screen && cascade(bounds, screen),
      maximized: false,
      fullScreen: false,
      zoomLevel: from?.contents.getZoomLevel() ?? 0,
    });
  }

  openTarget(target: WindowTarget, profileId: string): AppWindow {
    return this.open({ profileId, path: pathOf(target) });
  }

  /** Shows a target: in a window that shows it already, else in a new one. */
  show(target: WindowTarget, profileId: string): void {
    const path = pathOf(target);
    const showing = this.all.find(({ place }) => place().profileId === profileId && place().path === path);
    if (showing === undefined) this.openTarget(target, profileId);
    else bringToFront(showing.window);
  }

  /** Brings the app in front: the window that was last in front, else those of last time. */
  activate(): void {
    const last = this.focused();
    if (last === undefined) this.restore();
    else bringToFront(last.window);
  }

  /** Shows another place in a window. */
  navigate(shown: AppWindow, place: Place): void {
    this.#load(shown, place);
  }

  /** Makes one window's page larger, smaller, or as large as it was made; the others stay as they are. */
  zoom({ contents }: AppWindow, step: 'in' | 'out' | 'reset'): void {
    const level = contents.getZoomLevel();
    const wanted = { in: level + ZOOM_STEP, out: level - ZOOM_STEP, reset: 0 }[step];
    contents.setZoomLevel(Math.min(ZOOM.max, Math.max(ZOOM.min, wanted)));
    this.#changed();
  }

  /** Closes a profile's windows; where there are no others, the last of them shows this computer instead. */
  closeProfile(profileId: string): void {
    const isIts = ({ place }: AppWindow) => place().profileId === profileId;
    const kept = this.all.every(isIts) ? this.focused() : undefined;
    if (kept !== undefined) this.navigate(kept, { profileId: LOCAL_PROFILE, path: '' });
    for (const its of this.all.filter(isIts)) if (its !== kept) its.window.close();
  }

  send<E extends ShellEvent>(event: E, value: ShellEvents[E], to: readonly AppWindow[] = this.all): void {
    for (const each of to) if (isAlive(each)) each.contents.send(`tagwire:event:${event}`, value);
  }

  /** Remembers what is open; from now on closing windows changes nothing about that. */
  saveForQuit(): void {
    if (this.#quitting) return;
    clearTimeout(this.#saveTimer);
    if (this.#windows.size > 0) this.#save();
    this.#quitting = true;
  }

  #open(place: Place, state: Omit<WindowState, 'profileId' | 'path'>): AppWindow {
    const { create, preload, version, icon } = this.#options;
    const window = create({
      ...fitToScreens(state.bounds, this.#screens()),
      minWidth: MIN_SIZE.width,
      minHeight: MIN_SIZE.height,
      show: false,
      title: 'Tagwire',
      autoHideMenuBar: false,
      ...(icon !== undefined && { icon }),
      webPreferences: {
        ...WEB_PREFERENCES,
        preload,
        additionalArguments: [`--tagwire-version=${version}`, `--tagwire-calls=${Object.keys(ShellCalls).join(',')}`],
      },
    });
    // Of a window that is closed Electron gives nothing any more, not even the id: it throws.
    const { id, webContents: contents } = window;
    let shown = place;
    const appWindow: AppWindow = { window, contents, place: () => shown, typing: false };
    this.#windows.set(id, appWindow);
    const changed = () => {
      shown = placeOf(contents.getURL(), this.#origin) ?? shown;
      this.#changed();
    };
    window.once('ready-to-show', () => {
      if (state.maximized) window.maximize();
      if (state.fullScreen) window.setFullScreen(true);
      window.show();
    });
    // While it is dragged these come many times a second; `moved` and `resized` do not exist on Linux.
    window.on('move', () => this.#changed());
    window.on('resize', () => this.#changed());
    window.on('maximize', () => this.#changed());
    window.on('unmaximize', () => this.#changed());
    window.on('focus', () => {
      // The last in the map is the one that was last in front.
      this.#windows.delete(id);
      this.#windows.set(id, appWindow);
      this.#changed();
    });
    window.on('blur', () => this.#changed());
    window.on('close', () => {
      // The last window is remembered, so that the tray brings it back; others are gone when they are closed.
      if (this.#windows.size === 1 && !this.#quitting) this.#save();
    });
    window.on('closed', () => {
      this.#windows.delete(id);
      if (this.#windows.size > 0) this.#changed();
      else this.#tell();
    });
    window.on('page-title-updated', (event, title) => {
      event.preventDefault();
      window.setTitle(this.#titleOf(title, shown.profileId));
    });
    contents.on('did-navigate', () => {
      appWindow.typing = false;
      changed();
    });
    contents.on('did-navigate-in-page', changed);
    contents.on('zoom-changed', (_event, direction) => this.zoom(appWindow, direction));
    // The page's preload script, which has run by now, has made the zoom this window's own.
    contents.once('dom-ready', () => contents.setZoomLevel(state.zoomLevel));
    this.#load(appWindow, place);
    this.#changed();
    return appWindow;
  }

  #load(shown: AppWindow, { profileId, path }: Place): void {
    this.#unloaded.delete(shown);
    shown.window.loadURL(`${this.#origin}/p/${profileId}/${path}`).catch((error: unknown) => {
      // Another navigation took over, or the window was closed.
      if ((error as { code?: unknown }).code === 'ERR_ABORTED' || !isAlive(shown)) return;
      this.#options.log.error('a window could not load its page; it tries again when the server is back', error);
      this.#unloaded.add(shown);
      // There is no first picture to wait for.
      shown.window.show();
    });
  }

  #titleOf(pageTitle: string, profileId: string): string {
    const name = this.#options.profileName(profileId);
    return profileId === LOCAL_PROFILE || name === undefined ? pageTitle : `${pageTitle} – ${name}`;
  }

  /** Work areas, the primary one first. */
  #screens() {
    const { screen } = this.#options;
    const primary = screen.getPrimaryDisplay();
    const others = screen.getAllDisplays().filter(({ id }) => id !== primary.id);
    return [primary, ...others].map(({ workArea }) => workArea);
  }

  #changed(): void {
    this.#tell();
    if (this.#quitting) return;
    clearTimeout(this.#saveTimer);
    this.#saveTimer = setTimeout(() => this.#save(), SAVE_MS);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  #save(): void {
    const states = this.all.map(({ window, contents, place }) => ({
      ...place(),
      bounds: window.getNormalBounds(),
      maximized: window.isMaximized(),
      fullScreen: window.isFullScreen(),
      zoomLevel: contents.getZoomLevel(),
    }));
    this.#options.stored.set(states.slice(-50));
  }
}

function bringToFront(window: BrowserWindow): void {
  if (window.isMinimized()) window.restore();
  window.show();
  window.focus();
}
