import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { PROBLEM_JSON } from '../../contract/problem.ts';
import type { HttpProblem } from './problems.ts';
import { describeProblem, problemOfField } from './problems.ts';

/*
 * Refusals that end the connection. Closing it while the client is still sending would throw away what the client has not
 * read yet (RFC 9112, 9.6), so it may go on for a moment, and little of what it sends is looked at.
 */

/** How long a client that was refused may go on sending, in ms. */
const LINGER_MS = 1_000;
/** How many bytes of that are taken off the network. */
const LINGER_BYTES = 64 * 1024;

/** What Node's parser says that is wrong. */
export type ParserError = NodeJS.ErrnoException & { readonly reason?: string };

/** Answers with a problem, and ends the connection, whatever of the request's body is still to come. */
export function refuse(request: IncomingMessage, response: ServerResponse, problem: HttpProblem): void {
  const body = JSON.stringify(describeProblem(problem));
  response.writeHead(problem.status, {
    ...problem.headers,
    'Content-Type': PROBLEM_JSON,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    Connection: 'close',
  });
  if (request.method !== 'HEAD') response.write(body);
  linger(request, () => response.end());
}

/** The same on a bare connection, where there is no request that could be read. */
export function refuseRaw(socket: Duplex, problem: HttpProblem): void {
  if (!socket.writable) return void socket.destroy();
  const body = JSON.stringify(describeProblem(problem));
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}`,
    `Content-Type: ${PROBLEM_JSON}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  linger(socket, () => socket.destroy());
}

/** Ends the connection soon after an answer that came before the request was there as a whole. */
export function endUnread(request: IncomingMessage, response: ServerResponse): void {
  // A body of a known length is within the bound; the end of one in chunks is anybody's guess.
  if (request.headers['transfer-encoding'] === undefined) return;
  response.once('finish', () => {
    if (request.complete) return;
    const timer = setTimeout(() => request.complete || request.socket.destroy(), LINGER_MS);
    request.socket.once('close', () => clearTimeout(timer));
  });
}

/** The problem that an error of Node's parser stands for. */
export function parserProblem({ code, reason }: ParserError): HttpProblem {
  if (code === 'HPE_HEADER_OVERFLOW') return problemOfField('head-too-large', 'headers', 'are too long in all');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return problemOfField('request-timeout', 'request', 'took too long to come');
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') {
    return problemOfField('body-too-large', 'body', 'has chunk extensions that are too long');
  }
  return problemOfField('malformed-request', 'request', `is no HTTP${reason === undefined ? '' : `: ${reason}`}`);
}

function linger(from: Duplex | IncomingMessage, end: () => void): void {
  let left = LINGER_BYTES;
  const timer = setTimeout(end, LINGER_MS);
  const endNow = () => {
    clearTimeout(timer);
    end();
  };
  from.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) from.pause();
  });
  from.once('end', endNow).once('close', endNow).once('error', endNow);
  from.resume();
}
