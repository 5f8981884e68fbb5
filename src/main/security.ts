import type { App, Session, Shell, WebContents, WebPreferences } from 'electron';
import { ProfileId } from '../../contract/shell.ts';
import type { Log } from './logs.ts';

/*
 * Electron's security checklist (electronjs.org/docs/latest/tutorial/security), as far as it is code; the fuses are
 * in electron-builder.config.ts, the page's CSP and the port's guard in the gateway. tests/electron/security.spec.ts
 * holds each point.
 */

/** Of every window. Electron's defaults, most of them; written down so that a test can hold them. */
export const WEB_PREFERENCES = {
  sandbox: true,
  contextIsolation: true,
  nodeIntegration: false,
  nodeIntegrationInWorker: false,
  nodeIntegrationInSubFrames: false,
  webSecurity: true,
  allowRunningInsecureContent: false,
  experimentalFeatures: false,
  webviewTag: false,
  navigateOnDragDrop: false,
  spellcheck: true,
  // The SharedWorker has the watchdog; but what a hidden window must still do (drafts, outbox) must not stand still.
  backgroundThrottling: true,
} as const satisfies WebPreferences;

/** What a page may do beyond showing itself. Notifications come from the main process; nothing else is needed. */
const ALLOWED_PERMISSIONS: ReadonlySet<string> = new Set(['clipboard-sanitized-write', 'fullscreen']);

/** Which profile and path an address of the app shows; `undefined` for every other address, `/api` included. */
export function placeOf(url: string, origin: string): { profileId: string; path: string } | undefined {
  const parsed = URL.parse(url);
  if (parsed === null || parsed.origin !== origin || parsed.username !== '' || parsed.password !== '') return undefined;
  const match = /^\/p\/([^/]+)\/(.*)$/.exec(parsed.pathname);
  const [, profileId = '', path = ''] = match ?? [];
  if (!ProfileId.safeParse(profileId).success || /^api(\/|$)/i.test(path)) return undefined;
  return { profileId, path: path + parsed.search };
}

/** Whether an address may be given to the system: web pages and mail, nothing that runs or opens files. */
export function mayOpenExternally(url: string): boolean {
  const parsed = URL.parse(url);
  if (parsed === null) return false;
  if (parsed.protocol === 'mailto:') return true;
  return parsed.protocol === 'https:' && parsed.hostname !== '' && parsed.username === '' && parsed.password === '';
}

export type LinksOptions = { readonly shell: Pick<Shell, 'openExternal'>; readonly log: Log };

/** Opens an address in the user's browser or mail program, if it is one of those that may. Says whether it was. */
export async function openExternally(url: string, { shell, log }: LinksOptions): Promise<boolean> {
  if (!mayOpenExternally(url)) {
    log.warn(`an address was not opened, since its kind is not allowed: ${url.slice(0, 200)}`);
    return false;
  }
  await shell.openExternal(url);
  return true;
}

export type SecureContentsOptions = LinksOptions & {
  readonly origin: () => string;
  /** Opens one of the app's own places in a window of its own. */
  readonly openWindow: (place: { profileId: string; path: string }, from: WebContents) => void;
};

/**
 * Holds every page of the app, whatever made it, to the app's own addresses: other links go to the browser, a
 * middle or Ctrl click opens a window, and nothing embeds or pops up by itself.
 */
export function secureContents(app: Pick<App, 'on'>, options: SecureContentsOptions): void {
  const { origin, openWindow, log } = options;
  app.on('web-contents-created', (_event, contents) => {
    const deny = (event: { preventDefault: () => void }, url: string, what: string) => {
      if (placeOf(url, origin()) !== undefined) return;
      event.preventDefault();
      log.warn(`${what} was refused: ${url.slice(0, 200)}`);
    };
    contents.on('will-navigate', (event) => {
      deny(event, event.url, 'a navigation');
      if (event.defaultPrevented) void openExternally(event.url, options);
    });
    contents.on('will-redirect', (event) => deny(event, event.url, 'a redirect'));
    contents.on('will-frame-navigate', (event) => {
      if (!event.isMainFrame) deny(event, event.url, 'a frame');
    });
    contents.on('will-attach-webview', (event) => event.preventDefault());
    contents.setWindowOpenHandler(({ url }) => {
      const place = placeOf(url, origin());
      if (place !== undefined) openWindow(place, contents);
      else void openExternally(url, options);
      return { action: 'deny' };
    });
  });
  app.on('certificate-error', (event, _contents, url, error, _certificate, callback) => {
    event.preventDefault();
    log.error(`the certificate of ${url} was refused: ${error}`);
    callback(false);
  });
}

/** Denies pages every permission and device that the app has no use for. */
export function secureSession(
  session: Pick<Session, 'setPermissionRequestHandler' | 'setPermissionCheckHandler' | 'setDevicePermissionHandler'>,
  { origin }: { readonly origin: () => string },
): void {
  const allowed = (permission: string, url: string) =>
    ALLOWED_PERMISSIONS.has(permission) && URL.parse(url)?.origin === origin();
  session.setPermissionRequestHandler((contents, permission, callback) =>
    // Electron's types say that there are always contents; a service worker has none.
    callback(allowed(permission, (contents as WebContents | null)?.getURL() ?? '')),
  );
  session.setPermissionCheckHandler((_contents, permission, from) => allowed(permission, from));
  session.setDevicePermissionHandler(() => false);
}
