import type { RequestHandler } from 'express';
import helmet from 'helmet';

/**
 * Security headers for every answer. The policy lets the built renderer run and nothing else: scripts, workers,
 * styles and connections of our own origin, no inline code; `data:` images are Bootstrap's form icons. HTTPS is
 * the matter of whoever stands in front (docs/operations.md), so nothing here insists on it.
 */
export function securityHeaders(): RequestHandler {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'none'"],
        'script-src': ["'self'"],
        'style-src': ["'self'"],
        'img-src': ["'self'", 'data:'],
        'font-src': ["'self'"],
        'connect-src': ["'self'"],
        'worker-src': ["'self'"],
        'manifest-src': ["'self'"],
        'base-uri': ["'self'"],
        'form-action': ["'self'"],
        'frame-ancestors': ["'none'"],
        // Text becomes markup or a script by these alone: Vue's static parts, and the worker of the streams.
        'require-trusted-types-for': ["'script'"],
        'trusted-types': ['vue', 'tagwire-worker'],
      },
    },
    strictTransportSecurity: false,
    // Links from the desktop app's window must not be cut off from it by a new browsing context group.
    crossOriginOpenerPolicy: { policy: 'same-origin' },
    referrerPolicy: { policy: 'same-origin' },
    xFrameOptions: { action: 'deny' },
  });
}

/** What is left of them for event streams, which no browser shows or runs: each header is kept as long as the stream. */
export function streamSecurityHeaders(): RequestHandler {
  return helmet.xContentTypeOptions();
}
