import { createHash, timingSafeEqual } from 'node:crypto';
import { parseCookie } from 'cookie';
import type { Request, RequestHandler } from 'express';
import { sendProblem } from './problem.ts';

/** The cookie that only the app's own windows have (HttpOnly, SameSite=Strict; set by the main process). */
export const SECRET_COOKIE = 'tagwire-gateway';

export type GuardOptions = {
  /** Made anew at each launch; at least 32 characters. */
  readonly secret: string;
  /** The gateway's one origin, `http://127.0.0.1:<port>`. */
  readonly origin: () => string;
};

/**
 * Lets only the app's own windows in (docs/desktop.md). Refused with 403 are: a `Host` that is not ours (DNS
 * rebinding), an `Origin` or a `Sec-Fetch-Site` of another site (a page in a browser), and whoever lacks the
 * secret (another local process).
 */
export function guard({ secret, origin }: GuardOptions): RequestHandler {
  return (request, response, next) => {
    const reason = refusal(request, secret, origin());
    if (reason === undefined) return next();
    sendProblem(response, { status: 403, title: 'Not for you', detail: reason });
  };
}

/** Why a request is refused, or `undefined` when it may pass. */
function refusal(request: Request, secret: string, origin: string): string | undefined {
  const { host, origin: from, cookie, 'sec-fetch-site': site } = request.headers;
  if (host !== new URL(origin).host) return 'The Host header names another host.';
  if (from !== undefined && from !== origin) return 'The request comes from a page of another origin.';
  // `none` is the user, or the main process, going to an address.
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return 'The request comes from another site.';
  if (!secretsOf(cookie).some((value) => equal(value, secret))) {
    return "This port belongs to the Tagwire app; only the app's own windows may use it.";
  }
  return undefined;
}

/** All values of the secret's cookie: a browser may send several of one name. */
function secretsOf(header: string | undefined): string[] {
  // Of several with one name it would give the first alone.
  return (header ?? '').split(';').flatMap((pair) => parseCookie(pair)[SECRET_COOKIE] ?? []);
}

/** Compares in a time that tells nothing about the secret, its length included. */
function equal(a: string, b: string): boolean {
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());
}
