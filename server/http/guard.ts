import { isIP } from 'node:net';
import type { Request, RequestHandler } from 'express';
import { problemOfField, type HttpProblem } from './problems.ts';

export type GuardOptions = {
  /** Host names that are answered besides the loopback ones with our own port; `*` for any. */
  readonly allowedHosts?: readonly string[];
  /** Origins, besides our own, from which writes are taken: `https://tagwire.example`. */
  readonly allowedOrigins?: readonly string[];
};

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];
const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];
/** What probes and scrapers ask for, which come by the address of a machine that nobody has named. */
const PROBED = ['/healthz', '/readyz', '/metrics'];

/**
 * Refuses requests that a page of another site makes in the user's browser: by the `Host` that it resolved to us, by
 * `Origin`, and by `Sec-Fetch-Site`. Clients other than browsers send neither of the last two.
 */
export function guard(options: GuardOptions): RequestHandler {
  return (request, _response, next) => next(refusal(request, options));
}

function refusal(request: Request, options: GuardOptions): HttpProblem | undefined {
  if (!isOurHost(request, options.allowedHosts ?? [])) {
    const own = `localhost:${request.socket.localPort}`;
    return problemOfField('wrong-host', 'Host', `must be ${own}, or what PUBLIC_URL or ALLOWED_HOSTS name`);
  }
  if (isAllowedOrigin(request, options.allowedOrigins ?? [])) return undefined;
  const { origin, 'sec-fetch-site': site } = request.headers;
  const isSafe = SAFE_METHODS.includes(request.method);
  if (site === 'cross-site' && (!isSafe || (isApi(request) && !isNavigation(request)))) {
    return problemOfField(
      'forbidden-origin',
      'Sec-Fetch-Site',
      'is that of another site. ALLOWED_ORIGINS names others',
    );
  }
  if (!isSafe && origin !== undefined) {
    const detail = `is not the one that the request went to. PUBLIC_URL or ALLOWED_ORIGINS name others`;
    return problemOfField('forbidden-origin', 'Origin', detail);
  }
  return undefined;
}

function isOurHost(request: Request, allowed: readonly string[]): boolean {
  if (allowed.includes('*')) return true;
  const { name, port } = splitHost(request.headers.host ?? '');
  if (allowed.includes(name)) return true;
  // A browser that was led here by a name says that name, so an address is safe.
  if (PROBED.includes(request.path) && isIP(name.replace(/^\[|\]$/g, '')) > 0) return true;
  return LOOPBACK.includes(name) && (port ?? 80) === request.socket.localPort;
}

function isAllowedOrigin(request: Request, allowed: readonly string[]): boolean {
  const { origin } = request.headers;
  if (origin === undefined) return false;
  const host = request.headers.host?.toLowerCase();
  return allowed.includes(origin) || origin === `http://${host}` || origin === `https://${host}`;
}

function isApi({ path }: Request): boolean {
  return /^\/api(\/|$)/i.test(path);
}

/** Somebody followed a link: the answer is shown to them alone, and no page gets to see it. */
function isNavigation({ headers }: Request): boolean {
  return headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
}

function splitHost(host: string): { name: string; port: number | undefined } {
  const match = /^(\[[0-9a-f:.]+\]|[^:]*)(?::(\d{1,5}))?$/i.exec(host);
  return { name: match?.[1]?.toLowerCase() ?? '', port: match?.[2] === undefined ? undefined : Number(match[2]) };
}
