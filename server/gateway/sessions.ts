import { CookieJar } from 'tough-cookie';

export type SessionsOptions = {
  /** Profile id → what `onChange` last gave for it. */
  readonly initial: Readonly<Record<string, string>>;
  /** Called after each change with the whole session, or `''` when nothing is left of it. */
  readonly onChange: (profileId: string, cookies: string) => void;
};

/** As many cookies are kept of one server, each as long as browsers keep them. */
const MAX_COOKIES = 50;
const MAX_COOKIE_LENGTH = 4096;

/**
 * The signed-in session of each remote profile: the server's cookies (RFC 6265), which stay in this process. No
 * window ever sees one (docs/desktop.md).
 */
export class Sessions {
  readonly #jars = new Map<string, CookieJar>();
  readonly #onChange: SessionsOptions['onChange'];

  constructor({ initial, onChange }: SessionsOptions) {
    this.#onChange = onChange;
    for (const [id, cookies] of Object.entries(initial)) {
      const jar = parseJar(cookies);
      if (jar !== undefined) this.#jars.set(id, jar);
    }
  }

  /** The `Cookie` header for a request to `url`; empty where there is none. */
  header(profileId: string, url: URL): string {
    return this.#jars.get(profileId)?.getCookieStringSync(url.href) ?? '';
  }

  /** Takes the `Set-Cookie` headers of an answer from `url`; those that are malformed or not for it are passed over. */
  store(profileId: string, url: URL, setCookies: readonly string[]): void {
    if (setCookies.length === 0) return;
    const jar = this.#jars.get(profileId) ?? new CookieJar();
    this.#jars.set(profileId, jar);
    for (const cookie of setCookies.filter(isUsable)) {
      jar.setCookieSync(cookie, url.href, { ignoreError: true, loose: false });
    }
    // A server that sends ever others has to begin anew.
    if ((jar.serializeSync()?.cookies.length ?? 0) > MAX_COOKIES) jar.removeAllCookiesSync();
    const kept = jar.serializeSync();
    this.#onChange(profileId, kept === undefined || kept.cookies.length === 0 ? '' : JSON.stringify(kept));
  }

  /** Forgets the sessions of profiles that are gone. */
  retain(profileIds: ReadonlySet<string>): void {
    for (const id of this.#jars.keys()) {
      if (profileIds.has(id)) continue;
      this.#jars.delete(id);
      this.#onChange(id, '');
    }
  }
}

/** What fits into a header again (RFC 6265, 4.1.1), and is no larger than browsers keep. */
function isUsable(cookie: string): boolean {
  return cookie.length <= MAX_COOKIE_LENGTH && /^[\x20-\x7e]*$/.test(cookie);
}

/** A kept session, or `undefined` when it can't be read: then the user signs in again. */
function parseJar(cookies: string): CookieJar | undefined {
  try {
    return CookieJar.deserializeSync(cookies);
  } catch {
    return undefined;
  }
}
