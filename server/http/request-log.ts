import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Request, RequestHandler } from 'express';
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
    // It would be an error made up from the status, with a stack of its own; a real one was logged where it was met.
    customErrorObject: (_request, _response, _error, fields: object): object => ({ ...fields, err: undefined }),
    serializers: {
      req: ({ raw, ...request }: SerializedRequest) => describeRequest({ ...request, from: addressOf(raw) }),
      res: (response: { statusCode: number }) => ({ status: response.statusCode }),
    },
  });
}

type SerializedRequest = {
  readonly id: unknown;
  readonly method: string;
  readonly url: string;
  readonly raw: IncomingMessage;
};

/** The same for event streams. They live long and are many: no more is kept for each of them than where it came from. */
export function streamLog(logger: Logger): RequestHandler {
  const from = new WeakMap<IncomingMessage, string>();
  function logEnd(this: ServerResponse): void {
    const { req: request, statusCode: status } = this;
    const { id, method = '', url = '' } = request;
    const described = describeRequest({ id, method, url, from: from.get(request) ?? '' });
    logger.info({ req: described, res: { status } }, `${method} ${status}`);
  }
  return (request, response, next) => {
    request.id = requestId(request, response);
    from.set(request, addressOf(request));
    response.once('close', logEnd);
    next();
  };
}

/** The client's, as far as the proxies in front are believed (`TRUST_PROXY`); a socket that has ended knows none. */
function addressOf(request: IncomingMessage): string {
  return (request as Request).ip ?? request.socket.remoteAddress ?? '';
}

function describeRequest({ id, method, url, from }: { id: unknown; method: string; url: string; from: string }) {
  return { id, method, url: url.slice(0, 500), from };
}

function requestId(request: IncomingMessage, response: ServerResponse): string {
  const given = request.headers['x-request-id'];
  const id = typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
  response.setHeader('X-Request-Id', id);
  return id;
}

function levelOf(request: IncomingMessage, response: ServerResponse): 'error' | 'warn' | 'info' | 'debug' {
  if ([503, 507].includes(response.statusCode)) return 'warn';
  if (response.statusCode >= 500) return 'error';
  return QUIET.test(request.url ?? '') ? 'debug' : 'info';
}
