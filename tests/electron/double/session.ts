import { browserContext } from './browser.ts';

type Implemented = Pick<
  Electron.Session,
  | 'setPermissionRequestHandler'
  | 'setPermissionCheckHandler'
  | 'setDevicePermissionHandler'
  | 'setSpellCheckerEnabled'
  | 'setSpellCheckerLanguages'
  | 'availableSpellCheckerLanguages'
  | 'addWordToSpellCheckerDictionary'
>;

const SAME_SITE = { unspecified: undefined, no_restriction: 'None', lax: 'Lax', strict: 'Strict' } as const;

const cookies = {
  async set({ url, name, value = '', httpOnly, sameSite }: Electron.CookiesSetDetails): Promise<void> {
    const context = await browserContext();
    await context.addCookies([
      { url, name: name ?? '', value, httpOnly, sameSite: SAME_SITE[sameSite ?? 'unspecified'] },
    ]);
  },
  async get({ name }: Electron.CookiesGetFilter) {
    const all = await (await browserContext()).cookies();
    return all.filter((cookie) => name === undefined || cookie.name === name);
  },
} satisfies Pick<Electron.Cookies, 'set'> & { get: unknown };

/** What the app set; Chromium without Electron asks none of them, so nothing here is proved by a page. */
export const handlers: {
  request?: Parameters<Electron.Session['setPermissionRequestHandler']>[0];
  check?: Parameters<Electron.Session['setPermissionCheckHandler']>[0];
  device?: Parameters<Electron.Session['setDevicePermissionHandler']>[0];
} = {};

export const defaultSession = {
  cookies,
  setPermissionRequestHandler: (handler) => void (handlers.request = handler),
  setPermissionCheckHandler: (handler) => void (handlers.check = handler),
  setDevicePermissionHandler: (handler) => void (handlers.device = handler),
  setSpellCheckerEnabled: () => undefined,
  setSpellCheckerLanguages: () => undefined,
  availableSpellCheckerLanguages: ['en-GB', 'en-US', 'de', 'fr', 'zh'],
  addWordToSpellCheckerDictionary: () => true,
} satisfies Implemented & { cookies: unknown };

export const session = { defaultSession };
