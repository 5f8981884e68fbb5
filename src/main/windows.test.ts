import { EventEmitter } from 'node:events';
import type { BrowserWindow, BrowserWindowConstructorOptions } from 'electron';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fakeLog, temporaryFolder } from './testing.ts';
import { Windows, isAlive, storedWindows } from './windows.ts';

const ORIGIN = 'http://127.0.0.1:4000';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('windows', () => {
  it('open on their place, a step beside the one in front', () => {
    const { windows, made } = make();
    windows.open({ profileId: 'local', path: '' });
    windows.open({ profileId: 'local', path: 'feed/golang' });
    expect(made[1]?.loaded).toEqual([`${ORIGIN}/p/local/feed/golang`]);
    expect(made[1]?.options).toMatchObject({ x: 128, y: 128, show: false, webPreferences: { sandbox: true } });
  });

  it('are all there again after a restart, but for those of servers that are gone', () => {
    const folder = temporaryFolder();
    const before = make({ folder });
    for (const path of ['feed/a', 'post/1']) before.windows.open({ profileId: 'local', path });
    before.windows.open({ profileId: 'gone', path: '' });
    before.windows.saveForQuit();
    for (const window of before.made) window.close();

    const after = make({ folder });
    after.windows.restore();
    expect(after.made.map(({ loaded }) => loaded[0])).toEqual([`${ORIGIN}/p/local/feed/a`, `${ORIGIN}/p/local/post/1`]);
  });

  it('that are closed one by one do not come back, but the last one does', () => {
    const folder = temporaryFolder();
    const before = make({ folder });
    before.windows.open({ profileId: 'local', path: 'feed/a' });
    before.windows.open({ profileId: 'local', path: 'feed/b' });
    for (const window of before.made) window.close();
    before.windows.saveForQuit();
    const after = make({ folder });
    after.windows.restore();
    expect(after.made.map(({ loaded }) => loaded[0])).toEqual([`${ORIGIN}/p/local/feed/b`]);
  });

  it('go to the new address when the server comes back at another port', () => {
    const { windows, made } = make();
    windows.open({ profileId: 'local', path: 'feed/a' });
    windows.setOrigin(ORIGIN);
    windows.setOrigin('http://127.0.0.1:5000');
    expect(made[0]?.loaded).toEqual([`${ORIGIN}/p/local/feed/a`, 'http://127.0.0.1:5000/p/local/feed/a']);
  });

  it('that could not be loaded are shown all the same, and try again when the server is back', async () => {
    const { windows, made } = make({ failing: true });
    windows.open({ profileId: 'local', path: 'feed/a' });
    await vi.advanceTimersByTimeAsync(0);
    expect(made[0]?.show).toHaveBeenCalled();
    windows.setOrigin(ORIGIN);
    expect(made[0]?.loaded).toHaveLength(2);
  });

  it('that are closed while they load are not touched again', async () => {
    const { windows, made } = make();
    const opened = windows.open({ profileId: 'local', path: 'feed/a' });
    made[0]?.beginToClose();
    await vi.advanceTimersByTimeAsync(0);
    expect(made[0]?.show).not.toHaveBeenCalled();
    expect(isAlive(opened)).toBe(false);
    expect(windows.all).toEqual([]);
  });

  it('show what is asked for where it is shown already', () => {
    const { windows, made } = make();
    windows.open({ profileId: 'local', path: 'feed/a' });
    windows.show({ kind: 'feed', name: 'a' }, 'local');
    expect(made).toHaveLength(1);
    expect(made[0]?.focus).toHaveBeenCalled();
    windows.show({ kind: 'feed', name: 'a' }, 'team');
    expect(made).toHaveLength(2);
  });

  it('of a server that is removed are closed, but the last one shows this computer', () => {
    const { windows, made } = make();
    for (const path of ['feed/a', 'feed/b']) windows.open({ profileId: 'team', path });
    windows.closeProfile('team');
    expect(made.map((window) => window.isDestroyed())).toEqual([true, false]);
    expect(made[1]?.loaded.at(-1)).toBe(`${ORIGIN}/p/local/`);
  });

  it('that are closed are forgotten, though nothing can be asked of them any more', () => {
    const { windows, made } = make();
    for (const path of ['feed/a', 'feed/b']) windows.open({ profileId: 'local', path });
    made[0]?.close();
    expect(windows.all.map(({ place }) => place().path)).toEqual(['feed/b']);
    made[1]?.close();
    expect(windows.focused()).toBeUndefined();
  });

  it('count as showing a place only in front', () => {
    const { windows, made } = make();
    windows.open({ profileId: 'local', path: 'feed/a' });
    expect(windows.isShowing('local', 'feed/a')).toBe(false);
    made[0]?.isFocused.mockReturnValue(true);
    expect(windows.isShowing('local', 'feed/a')).toBe(true);
    expect(windows.isShowing('local', 'feed/b')).toBe(false);
    expect(windows.isShowing('team', 'feed/a')).toBe(false);
  });

  it('name their server in the title', () => {
    const { windows, made } = make();
    windows.open({ profileId: 'team', path: '' });
    const event = { preventDefault: vi.fn() };
    made[0]?.emit('page-title-updated', event, '#golang · Tagwire');
    expect(made[0]?.setTitle).toHaveBeenCalledWith('#golang · Tagwire – The team');
  });
});

class FakeWindow extends EventEmitter {
  static lastId = 0;
  readonly #id = ++FakeWindow.lastId;
  readonly options: BrowserWindowConstructorOptions;
  readonly loaded: string[] = [];
  readonly webContents;
  /** Ends a real Electron when the contents are gone. */
  readonly show = vi.fn(() => {
    if (this.#contentsGone) throw new Error('SIGSEGV');
  });
  readonly focus = vi.fn();
  readonly setTitle = vi.fn();
  readonly isFocused = vi.fn(() => false);
  #destroyed = false;
  #contentsGone = false;
  #abortLoad: () => void = () => undefined;

  constructor(options: BrowserWindowConstructorOptions, failing: boolean) {
    super();
    this.options = options;
    this.webContents = Object.assign(new EventEmitter(), {
      getURL: () => this.loaded.at(-1) ?? '',
      getZoomLevel: () => 0,
      setZoomLevel: () => undefined,
      isDestroyed: () => this.#contentsGone,
    });
    this.loadURL = (url: string) => {
      this.loaded.push(url);
      if (failing) return Promise.reject(new Error('ERR_CONNECTION_REFUSED'));
      return new Promise((resolve, reject) => {
        this.#abortLoad = () => reject(new Error('ERR_FAILED (-2)'));
        this.webContents.once('did-finish-load', () => resolve(undefined));
      });
    };
  }

  /** As Electron's: of a window that is closed there is nothing to be had, from within `closed` on. */
  get id(): number {
    if (this.#destroyed) throw new TypeError('Object has been destroyed');
    return this.#id;
  }

  readonly loadURL;
  readonly isVisible = () => true;
  readonly isMinimized = () => false;
  readonly isMaximized = () => false;
  readonly isFullScreen = () => false;
  readonly isDestroyed = () => this.#destroyed;
  readonly getNormalBounds = () => ({ x: 100, y: 100, width: 800, height: 600 });

  /** As Electron's, in two steps: the contents go first, and what they were loading fails. */
  beginToClose(): void {
    this.emit('close', {});
    this.#contentsGone = true;
    this.#abortLoad();
  }

  close(): void {
    this.beginToClose();
    this.#destroyed = true;
    this.emit('closed');
  }
}

function make({ folder = temporaryFolder(), failing = false } = {}) {
  const made: FakeWindow[] = [];
  const display = { id: 1, workArea: { x: 0, y: 0, width: 1920, height: 1040 } };
  const windows = new Windows({
    create: (options) => {
      const window = new FakeWindow(options, failing);
      made.push(window);
      return window as unknown as BrowserWindow;
    },
    screen: {
      getAllDisplays: () => [display] as never,
      getPrimaryDisplay: () => display as never,
      getDisplayMatching: () => display as never,
    },
    stored: storedWindows(folder, fakeLog()),
    preload: '/preload.cjs',
    version: '1.0.0',
    profileName: (id) => ({ local: 'On this computer', team: 'The team' })[id],
    log: fakeLog(),
  });
  windows.setOrigin(ORIGIN);
  return { windows, made };
}
