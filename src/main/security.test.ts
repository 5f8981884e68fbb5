import { EventEmitter } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import {
  WEB_PREFERENCES,
  mayOpenExternally,
  openExternally,
  placeOf,
  secureContents,
  secureSession,
} from './security.ts';
import { fakeLog } from './testing.ts';

const ORIGIN = 'http://127.0.0.1:4000';

describe('a place of the app', () => {
  it.each([
    [`${ORIGIN}/p/local/`, { profileId: 'local', path: '' }],
    [`${ORIGIN}/p/local/feed/golang`, { profileId: 'local', path: 'feed/golang' }],
    [`${ORIGIN}/p/1a2b3c/deck?feeds=a,b#x`, { profileId: '1a2b3c', path: 'deck?feeds=a,b' }],
    [`${ORIGIN}/p/local/apiary`, { profileId: 'local', path: 'apiary' }],
  ])('is %s', (url, place) => expect(placeOf(url, ORIGIN)).toEqual(place));

  it.each([
    `${ORIGIN}/`,
    `${ORIGIN}/p/local`,
    `${ORIGIN}/p/local/api`,
    `${ORIGIN}/p/local/api/feeds`,
    `${ORIGIN}/p/local/x/../api/feeds`,
    `${ORIGIN}/p/LOCAL%2f/`,
    'http://127.0.0.1:4001/p/local/',
    'http://localhost:4000/p/local/',
    'http://127.0.0.1:4000@evil.example/p/local/',
    `http://ada@127.0.0.1:4000/p/local/`,
    'https://evil.example/p/local/',
    'file:///p/local/',
    'javascript:alert(1)',
    'data:text/html,x',
    'about:blank',
    '',
  ])('is not %j', (url) => expect(placeOf(url, ORIGIN)).toBeUndefined());
});

describe('an address for the system', () => {
  it.each(['https://example.org/a?b#c', 'mailto:ada@example.org'])('may be %s', (url) =>
    expect(mayOpenExternally(url)).toBe(true),
  );

  it.each([
    'http://example.org/',
    'https://',
    'https://user:password@example.org/',
    'file:///etc/passwd',
    'smb://server/share',
    'javascript:alert(1)',
    'ms-msdt:/id',
    'tagwire://feed/golang',
    'vbscript:x',
    ' ',
  ])('may not be %j', (url) => expect(mayOpenExternally(url)).toBe(false));

  it('is handed over only when it may', async () => {
    const openExternal = vi.fn(() => Promise.resolve());
    const options = { shell: { openExternal }, log: fakeLog() };
    expect(await openExternally('https://example.org/', options)).toBe(true);
    expect(await openExternally('file:///etc/passwd', options)).toBe(false);
    expect(openExternal.mock.calls).toEqual([['https://example.org/']]);
  });
});

describe('every page', () => {
  it('may go to places of the app, and nowhere else', () => {
    const { contents } = create();
    expect(navigate(contents, 'will-navigate', `${ORIGIN}/p/local/feed/x`)).toBe('allowed');
    expect(navigate(contents, 'will-navigate', 'https://evil.example/')).toBe('prevented');
    expect(navigate(contents, 'will-navigate', `${ORIGIN}/p/local/api/feeds`)).toBe('prevented');
    expect(navigate(contents, 'will-redirect', 'https://evil.example/')).toBe('prevented');
    expect(navigate(contents, 'will-frame-navigate', 'https://evil.example/', false)).toBe('prevented');
  });

  it('may embed nothing', () => {
    const { contents } = create();
    const event = { preventDefault: vi.fn() };
    contents.emit('will-attach-webview', event);
    expect(event.preventDefault).toHaveBeenCalled();
  });

  it('opens no window itself: the app does, for its own places, and the browser for web pages', () => {
    const { contents, openWindow, openExternal } = create();
    const open = contents.setWindowOpenHandler.mock.calls[0]?.[0] ?? expect.unreachable();
    for (const url of [`${ORIGIN}/p/local/feed/x`, 'https://example.org/', 'file:///etc/passwd']) {
      expect(open({ url })).toEqual({ action: 'deny' });
    }
    expect(openWindow.mock.calls).toEqual([[{ profileId: 'local', path: 'feed/x' }, contents]]);
    expect(openExternal.mock.calls).toEqual([['https://example.org/']]);
  });

  it('gets no answer over a connection whose certificate is bad', () => {
    const { app } = create();
    const [event, answer] = [{ preventDefault: vi.fn() }, vi.fn()];
    app.emit('certificate-error', event, {}, 'https://x/', 'ERR_CERT', {}, answer);
    expect(event.preventDefault).toHaveBeenCalled();
    expect(answer).toHaveBeenCalledWith(false);
  });

  it('runs in a sandbox, apart from Node', () => {
    expect(WEB_PREFERENCES).toMatchObject({ sandbox: true, contextIsolation: true, nodeIntegration: false });
    expect(WEB_PREFERENCES).toMatchObject({ webSecurity: true, webviewTag: false, allowRunningInsecureContent: false });
  });
});

describe('permissions', () => {
  it.each([
    'media',
    'geolocation',
    'notifications',
    'midi',
    'hid',
    'openExternal',
    'clipboard-read',
    'display-capture',
  ])('are denied: %s', (permission) => expect(ask(permission, `${ORIGIN}/p/local/`)).toEqual([false, false]));

  it('are granted for what the app needs, to itself alone', () => {
    expect(ask('clipboard-sanitized-write', `${ORIGIN}/p/local/`)).toEqual([true, true]);
    expect(ask('clipboard-sanitized-write', 'https://evil.example/')).toEqual([false, false]);
  });

  it('for devices are denied', () => expect(session().setDevicePermissionHandler.mock.calls[0]?.[0]()).toBe(false));
});

function create() {
  const app = new EventEmitter();
  const openExternal = vi.fn(() => Promise.resolve());
  const openWindow = vi.fn();
  secureContents(app as never, { shell: { openExternal }, log: fakeLog(), origin: () => ORIGIN, openWindow });
  const contents = Object.assign(new EventEmitter(), { setWindowOpenHandler: vi.fn() });
  app.emit('web-contents-created', {}, contents);
  return { app, contents, openWindow, openExternal };
}

function navigate(contents: EventEmitter, name: string, url: string, isMainFrame = true): 'allowed' | 'prevented' {
  const event = { url, isMainFrame, defaultPrevented: false, preventDefault: () => (event.defaultPrevented = true) };
  contents.emit(name, event, url);
  return event.defaultPrevented ? 'prevented' : 'allowed';
}

function session() {
  const made = {
    setPermissionRequestHandler: vi.fn(),
    setPermissionCheckHandler: vi.fn(),
    setDevicePermissionHandler: vi.fn(),
  };
  secureSession(made, { origin: () => ORIGIN });
  return made;
}

/** What a request and a check of a permission are answered. */
function ask(permission: string, url: string): unknown[] {
  const { setPermissionRequestHandler, setPermissionCheckHandler } = session();
  const callback = vi.fn();
  setPermissionRequestHandler.mock.calls[0]?.[0]({ getURL: () => url }, permission, callback);
  return [callback.mock.calls[0]?.[0], setPermissionCheckHandler.mock.calls[0]?.[0](null, permission, url)];
}
