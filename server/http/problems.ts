import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { PROBLEM_JSON, type FieldError, type Problem } from '../../contract/problem.ts';
import type { Post } from '../../contract/post.ts';
import { kindOf } from '../messaging/errors.ts';
import { InvalidStreamRequest, StreamsUnavailable } from '../sse/errors.ts';

/** What can go wrong with a request, each with its HTTP status and its title for people. */
const KINDS = {
  'malformed-request': { status: 400, title: 'The request is malformed' },
  'invalid-field': { status: 400, title: 'A field is not valid' },
  'forbidden-origin': { status: 403, title: 'Requests from other sites are refused' },
  'not-found': { status: 404, title: 'Not found' },
  'method-not-allowed': { status: 405, title: 'Method not allowed' },
  'request-timeout': { status: 408, title: 'The request took too long to come' },
  'stale-version': { status: 412, title: 'The post has changed meanwhile' },
  'precondition-failed': { status: 412, title: 'A condition of the request does not hold' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'unsupported-media-type': { status: 415, title: 'Unsupported media type' },
  'range-not-satisfiable': { status: 416, title: 'There is nothing in that range' },
  'expectation-failed': { status: 417, title: 'The expectation can not be met' },
  'wrong-host': { status: 421, title: 'This server does not answer for that host' },
  'idempotency-key-reused': { status: 422, title: 'The idempotency key was used for another post' },
  'too-many-requests': { status: 429, title: 'Too many requests' },
  'head-too-large': { status: 431, title: 'The head of the request is too large' },
  'internal-error': { status: 500, title: 'Something went wrong in the server' },
  'not-implemented': { status: 501, title: 'Not implemented' },
  unavailable: { status: 503, title: 'The server is not available right now' },
  'storage-full': { status: 507, title: 'The server has no room left' },
} as const;

/** What is away, by the code of the error that says so. */
const PARTS: ReadonlyMap<unknown, string> = new Map([
  ['STORE_UNAVAILABLE', 'A database'],
  ['READ_MODEL_UNAVAILABLE', 'A database'],
  ['BROKER_UNAVAILABLE', 'The message broker'],
  ['PUBSUB_CLOSED', 'The message broker'],
]);

export type ProblemKind = keyof typeof KINDS;

export type ProblemOptions = {
  readonly errors?: readonly FieldError[];
  readonly current?: Post;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
};

/** Thrown by a route to answer with a problem. `status` is read by express's and body-parser's own code too. */
export class HttpProblem extends Error {
  readonly kind: ProblemKind;
  readonly status: number;
  readonly errors: readonly FieldError[] | undefined;
  readonly current: Post | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(kind: ProblemKind, detail: string, options: ProblemOptions = {}) {
    super(detail, { cause: options.cause });
    this.name = 'HttpProblem';
    this.kind = kind;
    this.status = KINDS[kind].status;
    this.errors = options.errors;
    this.current = options.current;
    this.headers = options.headers ?? {};
  }
}

/** A problem with one field of the body, the query, the path or, by its name, a header. */
export function invalidField(field: string, detail: string): HttpProblem {
  return problemOfField('invalid-field', field, detail);
}

/** A problem of any kind that lies in one part of the request: `body`, `path`, `request`, or a header by its name. */
export function problemOfField(
  kind: ProblemKind,
  field: string,
  detail: string,
  options: Omit<ProblemOptions, 'errors'> = {},
): HttpProblem {
  return new HttpProblem(kind, `${field} ${detail}.`, { ...options, errors: [{ field, detail }] });
}

/**
 * The problem that an error stands for. What nobody expected becomes a 500 that tells nothing of the inside,
 * with the error as its `cause` for the log.
 */
export function problemOf(error: unknown): HttpProblem {
  if (error instanceof HttpProblem) return error;
  if (error instanceof InvalidStreamRequest) {
    return new HttpProblem('invalid-field', `${error.message}.`, { errors: error.issues });
  }
  // The SseRouter has set Retry-After itself.
  if (error instanceof StreamsUnavailable) {
    return new HttpProblem(error.status === 429 ? 'too-many-requests' : 'unavailable', error.message);
  }
  const { code, status, full } = (error ?? {}) as Partial<Record<'code' | 'status' | 'full', unknown>>;
  if (full === true) {
    const detail =
      'Nothing can be written until there is room again; reading goes on. Whoever runs the server is to make some.';
    return new HttpProblem('storage-full', detail, { headers: { 'Retry-After': '30' }, cause: error });
  }
  if (kindOf(error) === 'outage' || kindOf(error) === 'conflict') {
    // Whether a commit got through whose answer was lost, nobody knows.
    const detail = `${PARTS.get(code) ?? 'A part of the server'} can not be reached. Please try again; with its Idempotency-Key a post is made once.`;
    return new HttpProblem('unavailable', detail, { headers: { 'Retry-After': '2' }, cause: error });
  }
  if (code === 'INVALID_CURSOR') return invalidField('cursor', 'was not made by this server');
  if (typeof status === 'number' && status >= 400 && status < 500) return clientProblem(status, error);
  return new HttpProblem('internal-error', 'The request failed. The log has more under the id of the request.', {
    cause: error,
  });
}

/** Answers every error with a problem, and logs what nobody expected. The SseRouter's `errorHandler` too. */
export function answerError(logger: Logger) {
  return (error: unknown, request: IncomingMessage, response: ServerResponse): void => {
    const problem = problemOf(error);
    const log = request.log ?? logger;
    if (problem.status === 500) log.error({ err: error }, 'A request failed unexpectedly');
    else if (problem.status > 500) log.warn({ reason: reasonOf(problem) }, 'Not available');
    sendProblem(request, response, problem);
  };
}

/** An outage is known by its words; the way through our code to it is no news. */
function reasonOf({ cause, message }: HttpProblem): string {
  return cause instanceof Error ? cause.message : message;
}

/** The body of the answer that a problem is, for the request with this id. */
export function describeProblem(problem: HttpProblem, requestId?: string): Problem {
  return {
    type: `urn:tagwire:problem:${problem.kind}`,
    title: KINDS[problem.kind].title,
    status: problem.status,
    detail: problem.message,
    ...(problem.errors && { errors: [...problem.errors] }),
    ...(problem.current && { current: problem.current }),
    ...(requestId !== undefined && { requestId }),
  };
}

/** Answers with a problem; works on a bare `ServerResponse` too, as the SseRouter has it. Ends a half-sent answer. */
export function sendProblem(request: IncomingMessage, response: ServerResponse, problem: HttpProblem): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  for (const [name, value] of Object.entries(problem.headers)) response.setHeader(name, value);
  const body = describeProblem(problem, typeof request.id === 'string' ? request.id : undefined);
  response.removeHeader('ETag');
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('Content-Type', PROBLEM_JSON);
  response.statusCode = problem.status;
  response.end(request.method === 'HEAD' ? undefined : JSON.stringify(body));
}

/** Errors that express and `send`, which serves files, make themselves: they carry a status and, for some, headers. */
function clientProblem(status: number, cause: unknown): HttpProblem {
  if (cause instanceof URIError) {
    const detail = 'holds a % that is not a valid UTF-8 percent-encoding';
    return problemOfField('malformed-request', 'path', detail, { cause });
  }
  if (status === 412) {
    return new HttpProblem('precondition-failed', 'The file is not, or no more, as the request demands.', { cause });
  }
  if (status === 416) {
    const { headers } = cause as { headers?: Readonly<Record<string, string>> };
    return problemOfField('range-not-satisfiable', 'Range', 'lies outside of the file', { headers, cause });
  }
  // That a file is there, which is not for anybody, is nobody's business either.
  if (status === 403 || status === 404) return new HttpProblem('not-found', 'Nothing is there.', { cause });
  const reason = cause instanceof Error ? cause.message : (STATUS_CODES[status] ?? 'bad request');
  return problemOfField('malformed-request', 'request', `can not be read: ${reason}`, { cause });
}
