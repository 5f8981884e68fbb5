import type { RequestHandler } from 'express';
import { rateLimit } from 'express-rate-limit';
import { HttpProblem } from './problems.ts';

const WINDOW_MS = 60_000;

/**
 * At most `perMinute` writes from one address (one /56 network with IPv6); 0 turns it off. The count is kept by
 * each process for itself. Behind a proxy the address is the proxy's unless express trusts it (`TRUST_PROXY`).
 */
export function writeLimit(perMinute: number): RequestHandler {
  if (perMinute === 0) return (_request, _response, next) => next();
  return rateLimit({
    windowMs: WINDOW_MS,
    limit: perMinute,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    identifier: 'writes',
    // It would complain on the console about a client that sends X-Forwarded-For without a proxy.
    validate: { xForwardedForHeader: false },
    // express-rate-limit has set Retry-After by now.
    handler: (_request, _response, next) => {
      next(new HttpProblem('too-many-requests', `At most ${perMinute} writes a minute are taken from one address.`));
    },
  });
}
