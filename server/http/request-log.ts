import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestHandler } from 'express';
import type { Logger } from 'pino';
import { pinoHttp, type HttpLogger } from 'pino-http';

const REQUEST_ID = /^[A-Za-z0-9._:-]{8,128}$/;
const QUIET = /^\/(healthz|readyz|metrics)$|^\/(assets|icons)\//;

/**
 * Gives each request an id (that of `X-Request-Id`, where it is a sane one), sends it back in the same header, and
 * logs each answer once, without bodies, cookies or credentials. The id is the correlation id of what follows.
 */
export function requestLog(logger: Logger): HttpLogger {
  return pinoHttp({
    logger,
    genReqId: requestId,
    customLogLevel: levelOf,
    customSuccessMessage: (request, response) => `${request.method} ${response.statusCode}`,
    customErrorMessage: (request, response) => `${request.method} ${response.statusCode}`,
    serializers: {
      req: describeRequest,
      res: (response: { statusCode: number }) => ({ status: response.statusCode }),
    },
  });
}

/** The same for event streams. They live long and are many, so nothing is kept for each of them meanwhile. */
export function streamLog(logger: Logger): RequestHandler {
  function logEnd(this: ServerResponse): void {
    const { req: request, statusCode: status } = this;
    const { id, method = '', url = '', socket } = request;
    const described = describeRequest({ id, method, url, remoteAddress: socket.remoteAddress ?? '' });
    logger.info({ req: described, res: { status } }, `${method} ${status}`);
  }
  return (request, response, next) => {
    request.id = requestId(request, response);
    response.once('close', logEnd);
    next();
  };
}

function describeRequest(request: { id: unknown; method: string; url: string; remoteAddress: string }) {
  const { id, method, url, remoteAddress: from } = request;
  return { id, method, url: url.slice(0, 500), from };
}

function requestId(request: IncomingMessage, response: ServerResponse): string {
  const given = request.headers['x-request-id'];
  const id = typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
  response.setHeader('X-Request-Id', id);
  return id;
}

function levelOf(request: IncomingMessage, response: ServerResponse): 'error' | 'warn' | 'info' | 'debug' {
  if (response.statusCode === 503) return 'warn';
  if (response.statusCode >= 500) return 'error';
  return QUIET.test(request.url ?? '') ? 'debug' : 'info';
}
