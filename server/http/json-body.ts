import { isUtf8 } from 'node:buffer';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, type ZlibOptions } from 'node:zlib';
import type { Request, RequestHandler } from 'express';
import readRaw from 'raw-body';
import { LIMITS } from '../../contract/post.ts';
import type { HttpProblem } from './problems.ts';
import { problemOfField } from './problems.ts';

/**
 * The largest body in bytes: all fields of a post at their limits, each character outside the BMP and written
 * as two `\uXXXX` escapes (12 bytes), and 4 KiB for names, an id and white space.
 */
export const BODY_LIMIT = 12 * (LIMITS.title + LIMITS.content + LIMITS.author) + 4096;

const JSON_TYPES = ['application/json', 'application/merge-patch+json'];

type Decode = (bytes: Buffer, options: ZlibOptions) => Promise<Buffer>;
const DECODERS: ReadonlyMap<string, Decode> = new Map([
  ['gzip', promisify<Buffer, ZlibOptions, Buffer>(gunzip)],
  ['deflate', promisify<Buffer, ZlibOptions, Buffer>(inflate)],
  ['br', promisify<Buffer, ZlibOptions, Buffer>(brotliDecompress)],
  ['identity', (bytes: Buffer) => Promise.resolve(bytes)],
]);

/**
 * Parses a JSON body into `request.body`; what is no JSON in UTF-8 is answered with 400, 413 or 415. No more is read
 * than a body may have, be it packed or unpacked.
 */
export function jsonBody(): RequestHandler {
  return async (request, response, next) => {
    if (!hasBody(request)) throw problemOfField('malformed-request', 'body', 'is missing');
    const decode = decoderOf(request);
    if (request.headers.expect !== undefined) response.writeContinue();
    const bytes = await unpack(decode, await readBytes(request));
    // A decoder would put U+FFFD in the place of bytes that are no UTF-8, and the author's text would be lost.
    if (!isUtf8(bytes)) throw problemOfField('malformed-request', 'body', 'is not valid UTF-8');
    request.body = parseJson(bytes.toString());
    next();
  };
}

export function bodyTooLarge(): HttpProblem {
  return problemOfField('body-too-large', 'body', `may have at most ${BODY_LIMIT} bytes`);
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

function hasBody({ headers }: Request): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** How the body is unpacked; throws a 415 where it is no JSON in UTF-8, or packed in a way that is not known. */
function decoderOf(request: Request): Decode {
  const { 'content-type': type, 'content-encoding': encoding = 'identity' } = request.headers;
  const unsupported = (field: string, detail: string, accept: Record<string, string>) =>
    problemOfField('unsupported-media-type', field, detail, { headers: accept });
  if (!request.is(JSON_TYPES)) {
    const found = type === undefined ? 'is missing; it must be' : `${JSON.stringify(type.slice(0, 100))} is not`;
    throw unsupported('Content-Type', `${found} application/json`, { Accept: JSON_TYPES.join(', ') });
  }
  const charset = /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(type ?? '')?.[1] ?? 'utf-8';
  if (!/^(utf-?8|us-ascii)$/i.test(charset)) {
    throw unsupported('Content-Type', 'must have no charset but utf-8', { Accept: JSON_TYPES.join(', ') });
  }
  const decode = DECODERS.get(encoding.trim().toLowerCase());
  if (decode === undefined) {
    const known = [...DECODERS.keys()].join(', ');
    throw unsupported('Content-Encoding', `must be one of ${known}`, { 'Accept-Encoding': known });
  }
  return decode;
}

/** Errors of raw-body carry a `type`: https://github.com/stream-utils/raw-body#errors */
async function readBytes(request: Request): Promise<Buffer> {
  try {
    return await readRaw(request, { limit: BODY_LIMIT, length: request.headers['content-length'] });
  } catch (error) {
    if ((error as { type?: string }).type === 'entity.too.large') throw bodyTooLarge();
    throw problemOfField('malformed-request', 'body', 'broke off', { cause: error });
  }
}

async function unpack(decode: Decode, bytes: Buffer): Promise<Buffer> {
  try {
    return await decode(bytes, { maxOutputLength: BODY_LIMIT });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw bodyTooLarge();
    throw problemOfField('malformed-request', 'body', 'is not packed as Content-Encoding says', { cause: error });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const position = jsonErrorPosition(text, (error as Error).message);
    const where = position === undefined ? 'it ends too early' : `at position ${position}`;
    throw problemOfField('malformed-request', 'body', `is not valid JSON: ${where}`);
  }
}
