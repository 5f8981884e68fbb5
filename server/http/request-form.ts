import type { IncomingMessage } from 'node:http';
import { BODY_LIMIT, bodyTooLarge } from './json-body.ts';
import { problemOfField, type HttpProblem } from './problems.ts';

/**
 * Why a request is refused for its form alone, before anybody looks at what it wants. What Node lets pass and two readers
 * could read in two ways is refused here (RFC 9112, 3.2 and 6.1), and so is a body that is larger than any may be, by
 * its header. An address in absolute form is brought into the usual one, its host taking the place of `Host`.
 */
export function formProblem(request: IncomingMessage): HttpProblem | undefined {
  const hosts = request.rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length;
  if (hosts > 1) return problemOfField('malformed-request', 'Host', 'is there more than once');
  if (hosts === 0 && request.httpVersion !== '1.0') return problemOfField('malformed-request', 'Host', 'is missing');
  const { 'transfer-encoding': coding, 'content-length': length, expect } = request.headers;
  if (coding !== undefined && coding.trim().toLowerCase() !== 'chunked') {
    return problemOfField('not-implemented', 'Transfer-Encoding', 'can be chunked only');
  }
  if (Number(length ?? 0) > BODY_LIMIT) return bodyTooLarge();
  if (expect !== undefined && expect.toLowerCase() !== '100-continue') {
    return problemOfField('expectation-failed', 'Expect', 'can be 100-continue only');
  }
  return toOriginForm(request);
}

function toOriginForm(request: IncomingMessage): HttpProblem | undefined {
  const { url = '', method } = request;
  if (url.startsWith('/') || (url === '*' && method === 'OPTIONS')) return undefined;
  const parts = /^https?:\/\/([^/?#]+)([^#]*)$/i.exec(url);
  if (parts === null) return problemOfField('malformed-request', 'path', 'must begin with / or be a whole address');
  const [, host = '', rest = ''] = parts;
  request.headers.host = host;
  request.url = rest.startsWith('/') ? rest : `/${rest}`;
  return undefined;
}
