import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Logger } from 'pino';
import { request as send, type Dispatcher } from 'undici';
import { PROBLEM_JSON } from '../../contract/problem.ts';
import type { Profile } from '../../contract/shell.ts';
import { sendProblem as sendHttpProblem } from '../http/problems.ts';
import { AnswerTooLarge, boundedStages, KNOWN_ENCODINGS, MAX_ANSWER_BYTES } from './answer-bounds.ts';
import { explainNetworkError } from './network-error.ts';
import { sendProblem } from './problem.ts';
import type { Sessions } from './sessions.ts';
import { notOfAWindow } from './window-request.ts';

export type RemoteProfile = Extract<Profile, { kind: 'remote' }>;

export type ForwarderOptions = {
  readonly dispatcher: Dispatcher;
  readonly sessions: Sessions;
  readonly logger: Logger;
  /** Told after each try how the server answered: `undefined` when it did, else why it could not be reached. */
  readonly onOutcome?: (profileId: string, failure: string | undefined) => void;
};

/** Forwards a request, whose `url` begins after `/api`, to the profile's server; always ends the answer. */
export type Forward = (profile: RemoteProfile, request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** What a request may take along. The rest is the gateway's own business (cookies), or the browser's. */
const REQUEST_HEADERS = [
  'accept',
  'accept-language',
  'content-type',
  'content-length',
  'if-match',
  'if-none-match',
  'idempotency-key',
  'last-event-id',
  'x-request-id',
  'user-agent',
];

/** What an answer may bring along: nothing that could change how the app's own origin behaves. */
const RESPONSE_HEADERS = [
  'content-type',
  'cache-control',
  'etag',
  'last-modified',
  'location',
  'retry-after',
  'vary',
  'x-request-id',
  'ratelimit',
  'ratelimit-policy',
];

const CONTENT_TYPES = new Set(['application/json', PROBLEM_JSON, 'text/event-stream']);

/**
 * Should a window ever be led to an address under `/api`, what the remote server sent must not run as a page of
 * the app: it would have the bridge.
 */
const INERT = {
  'content-security-policy': "sandbox; default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
};

/** No byte for this long, in ms, and the connection is dead: the server sends a heartbeat every 15 s. */
const SILENCE_MS = 60_000;
/** An answer that is no stream is over by then, in ms. */
const ANSWER_MS = 120_000;

/**
 * Forwards `/api` of a remote profile to its server. Bodies are streamed both ways, unbuffered; whoever goes away
 * first ends the other side. The session stays here. Redirects are not followed. Answers that are not the API's
 * (a captive portal, a load balancer's error page) become a problem that says so.
 */
export function createForwarder({ dispatcher, sessions, logger, onOutcome }: ForwarderOptions): Forward {
  return async (profile, request, response) => {
    const unlike = notOfAWindow(request);
    if (unlike !== undefined) return sendHttpProblem(request, response, unlike);
    const url = targetOf(profile, request.url ?? '/');
    if (url === undefined) {
      return sendProblem(response, { status: 404, title: 'Not found', detail: 'There is nothing at this address.' });
    }
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    let answer: Dispatcher.ResponseData;
    try {
      answer = await send(url, {
        dispatcher,
        method: request.method as Dispatcher.HttpMethod,
        headers: requestHeaders(profile, request, sessions.header(profile.id, url)),
        body: hasBody(request) ? request : null,
        signal: gone.signal,
        headersTimeout: SILENCE_MS,
        bodyTimeout: SILENCE_MS,
      });
    } catch (error) {
      if (gone.signal.aborted) return;
      const { status, detail } = explainNetworkError(error, url.host);
      logger.warn({ profile: profile.id, path: url.pathname, err: error }, 'the server could not be asked');
      onOutcome?.(profile.id, detail);
      return sendProblem(response, { status, title: 'The server cannot be reached', detail });
    }
    sessions.store(profile.id, url, listOf(answer.headers['set-cookie']));
    const unusable = unusableAnswer(answer, url);
    onOutcome?.(profile.id, unusable?.detail);
    if (unusable !== undefined) {
      answer.body.on('error', () => undefined).destroy();
      response.setHeaders(new Headers(pick(answer.headers, ['date', 'retry-after'])));
      return sendProblem(response, { title: 'The server cannot be used', ...unusable });
    }
    const isStream = typeOf(answer) === 'text/event-stream';
    const limit = isStream ? undefined : setTimeout(() => gone.abort(), ANSWER_MS);
    try {
      response.statusCode = answer.statusCode;
      response.setHeaders(responseHeaders(answer));
      response.flushHeaders();
      await pipeline([answer.body, ...(boundedStages(encodingOf(request, answer), isStream) ?? []), response]);
    } catch (error) {
      // Either end may go at any time; for a stream that is the only way it ends. The live client connects anew.
      const level = error instanceof AnswerTooLarge ? 'warn' : 'debug';
      logger[level]({ profile: profile.id, path: url.pathname, err: error }, 'an answer was cut short');
      answer.body.on('error', () => undefined).destroy();
      response.destroy();
    } finally {
      clearTimeout(limit);
    }
  };
}

/** The address on the server, or `undefined` when `path` would lead out of its API. */
function targetOf(profile: RemoteProfile, path: string): URL | undefined {
  const api = new URL('api/', profile.url.endsWith('/') ? profile.url : `${profile.url}/`);
  const url = new URL(`.${path.startsWith('/') ? path : `/${path}`}`, api);
  return url.origin === api.origin && url.pathname.startsWith(api.pathname) ? url : undefined;
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function requestHeaders(profile: RemoteProfile, request: IncomingMessage, cookie: string): Record<string, string> {
  const headers = pick(request.headers, REQUEST_HEADERS);
  headers['accept-encoding'] = KNOWN_ENCODINGS;
  if (cookie !== '') headers['cookie'] = cookie;
  // The guard has seen that the request comes from the app itself; to the server that is its own page.
  if (request.method !== 'GET' && request.method !== 'HEAD') headers['origin'] = new URL(profile.url).origin;
  return headers;
}

function responseHeaders({ headers }: Dispatcher.ResponseData): Headers {
  return new Headers({ ...pick(headers, RESPONSE_HEADERS), ...INERT });
}

/** Why an answer is not the API's, with the status to give instead. */
function unusableAnswer(answer: Dispatcher.ResponseData, url: URL): { status: number; detail: string } | undefined {
  const { statusCode, headers } = answer;
  const bad = (detail: string) => ({ status: 502, detail: `${url.host} ${detail}` });
  if (statusCode < 200 || statusCode > 599) return bad(`answered with a status that is none (${statusCode}).`);
  if (boundedStages(headerOf(answer, 'content-encoding'), false) === undefined) {
    return bad('packed its answer in a way that the app did not ask for. A proxy may be in between.');
  }
  if (Number(headers['content-length'] ?? 0) > MAX_ANSWER_BYTES) {
    return bad(`answered with more than ${MAX_ANSWER_BYTES / 2 ** 20} MB, which Tagwire never does.`);
  }
  if (statusCode >= 300 && statusCode < 400 && statusCode !== 304) {
    const to = URL.parse(String(headers['location'] ?? ''), url)?.origin ?? 'elsewhere';
    return {
      status: 502,
      detail: `${url.host} sends requests on to ${to}, which was not followed. If that is the right server, add it as a server of its own.`,
    };
  }
  const type = typeOf(answer);
  if (statusCode === 204 || statusCode === 304 || CONTENT_TYPES.has(type)) return undefined;
  if (statusCode >= 500) {
    return {
      status: statusCode,
      detail: `Tagwire on ${url.host} is not running at the moment (status ${statusCode}). The app goes on trying.`,
    };
  }
  return {
    status: 502,
    detail: `${url.host} answered with ${type === '' ? 'no content' : type} instead of Tagwire's data. A proxy or a sign-in page of the network may be in between.`,
  };
}

function typeOf(answer: Dispatcher.ResponseData): string {
  const [type = ''] = (headerOf(answer, 'content-type') ?? '').split(';', 1);
  return type.trim().toLowerCase().slice(0, 100);
}

/** What the body is packed in; where there is none, nothing is unpacked. */
function encodingOf({ method }: IncomingMessage, answer: Dispatcher.ResponseData): string | undefined {
  const isEmpty = method === 'HEAD' || answer.statusCode === 204 || answer.statusCode === 304;
  return isEmpty ? undefined : headerOf(answer, 'content-encoding');
}

function headerOf({ headers }: Dispatcher.ResponseData, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

function pick(headers: NodeJS.Dict<string | string[]>, names: readonly string[]): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const name of names) {
    const value = headers[name];
    if (value !== undefined) picked[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return picked;
}

function listOf(value: string | string[] | undefined): string[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}
