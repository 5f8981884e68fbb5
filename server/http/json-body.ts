import { isUtf8 } from 'node:buffer';
import express, { type Request, type RequestHandler } from 'express';
import { LIMITS } from '../../contract/post.ts';
import { HttpProblem } from './problems.ts';

/**
 * The largest body in bytes: all fields of a post at their limits, each character outside the BMP and written
 * as two `\uXXXX` escapes (12 bytes), and 4 KiB for names, an id and white space.
 */
export const BODY_LIMIT = 12 * (LIMITS.title + LIMITS.content + LIMITS.author) + 4096;

const JSON_TYPES = ['application/json', 'application/merge-patch+json'];

/** Parses a JSON body into `request.body`; what is no JSON object in UTF-8 is answered with 400, 413 or 415. */
export function jsonBody(): RequestHandler {
  const parse = express.json({ limit: BODY_LIMIT, type: JSON_TYPES, verify: refuseInvalidUtf8 });
  return (request, response, next) => {
    if (!hasBody(request)) return next(new HttpProblem('malformed-request', 'The request has no body.'));
    if (!request.is(JSON_TYPES)) return next(wrongType(request.headers['content-type']));
    parse(request, response, (error?: unknown) => {
      next(error && bodyProblem(error));
    });
  };
}

/**
 * Where a JSON text breaks, as an offset into it, or `undefined` where it just ends too early. V8 names the
 * position in all messages but "Unexpected token"; that token ends the shortest prefix with the same error.
 */
export function jsonErrorPosition(text: string, message: string): number | undefined {
  const named = / at position (\d+)/.exec(message)?.[1];
  if (named !== undefined) return Number(named);
  if (!message.startsWith('Unexpected token')) return undefined;
  let good = 0;
  let bad = text.length;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (hasUnexpectedToken(text.slice(0, middle))) bad = middle;
    else good = middle;
  }
  return bad - 1;
}

function hasUnexpectedToken(text: string): boolean {
  try {
    JSON.parse(text);
    return false;
  } catch (error) {
    return error instanceof SyntaxError && error.message.startsWith('Unexpected token');
  }
}

function wrongType(given: string | undefined): HttpProblem {
  const found = given === undefined ? 'without a Content-Type' : given.slice(0, 100);
  return new HttpProblem('unsupported-media-type', `The body must be application/json, not ${found}.`, {
    headers: { Accept: JSON_TYPES.join(', ') },
  });
}

function hasBody({ headers }: Request): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** body-parser would put U+FFFD in the place of bytes that are no UTF-8, and the author's text would be lost. */
function refuseInvalidUtf8(_request: unknown, _response: unknown, body: Buffer): void {
  if (!isUtf8(body)) throw new HttpProblem('malformed-request', 'The body is not valid UTF-8.');
}

/** Errors of body-parser carry a `type`: https://github.com/expressjs/body-parser#errors */
function bodyProblem(error: unknown): unknown {
  const { type, body, message } = error as { type?: string; body?: string; message: string };
  if (type === 'entity.too.large') {
    return new HttpProblem('body-too-large', `A body may have at most ${BODY_LIMIT} bytes.`);
  }
  if (type === 'entity.parse.failed') {
    const position = jsonErrorPosition(body ?? '', message);
    const where = position === undefined ? 'it ends too early' : `at position ${position}`;
    return new HttpProblem('malformed-request', `The body is not valid JSON: ${where}.`, {
      errors: [{ field: 'body', detail: `is not valid JSON: ${where}` }],
    });
  }
  return error;
}
