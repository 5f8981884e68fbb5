import type { Request, RequestHandler } from 'express';
import { HttpProblem } from './problems.ts';

export type GuardOptions = {
  /** Only requests to a loopback name with our own port are answered: a defence against DNS rebinding. */
  readonly loopbackOnly: boolean;
  /** Host names that are answered as well; `*` for any. */
  readonly allowedHosts?: readonly string[];
  /** Origins, besides our own, from which writes are taken: `https://tagwire.example`. */
  readonly allowedOrigins?: readonly string[];
};

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];
const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Refuses requests that a page of another site makes in the user's browser: by the `Host` it resolved to us, and,
 * for methods that change something, by `Origin` and `Sec-Fetch-Site`. Clients other than browsers send neither.
 */
export function guard(options: GuardOptions): RequestHandler {
  return (request, _response, next) => {
    const problem = refusal(request, options);
    next(problem);
  };
}

function refusal(request: Request, options: GuardOptions): HttpProblem | undefined {
  if (options.loopbackOnly && !isOurHost(request, options.allowedHosts ?? [])) {
    const own = `localhost:${request.socket.localPort}`;
    return new HttpProblem('wrong-host', `This server answers requests to ${own}. ALLOWED_HOSTS names further hosts.`);
  }
  if (SAFE_METHODS.includes(request.method)) return undefined;
  if (!isOurOrigin(request, options.allowedOrigins ?? [])) {
    return new HttpProblem('forbidden-origin', 'Pages of another origin may not change anything here.');
  }
  return undefined;
}

function isOurHost(request: Request, allowed: readonly string[]): boolean {
  if (allowed.includes('*')) return true;
  const { name, port } = splitHost(request.headers.host ?? '');
  if (allowed.includes(name)) return true;
  return LOOPBACK.includes(name) && (port ?? 80) === request.socket.localPort;
}

function isOurOrigin(request: Request, allowed: readonly string[]): boolean {
  const { origin } = request.headers;
  if (origin === undefined) return request.headers['sec-fetch-site'] !== 'cross-site';
  if (allowed.includes(origin)) return true;
  const host = request.headers.host?.toLowerCase();
  return origin === `http://${host}` || origin === `https://${host}`;
}

function splitHost(host: string): { name: string; port: number | undefined } {
  const match = /^(\[[0-9a-f:.]+\]|[^:]*)(?::(\d{1,5}))?$/i.exec(host);
  return { name: match?.[1]?.toLowerCase() ?? '', port: match?.[2] === undefined ? undefined : Number(match[2]) };
}
