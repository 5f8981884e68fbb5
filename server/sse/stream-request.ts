import type { IncomingMessage } from 'node:http';
import { InvalidStreamRequest, type StreamRequestIssue } from './errors.ts';

/** A stream that a client asks for, and the version that it already has. */
export type StreamPosition = { readonly stream: string; readonly version: number | undefined };

const EVENT_STREAM = 'text/event-stream';
const JSON_TYPE = 'application/json';
const VERSION = /^\d{1,16}$/;

/**
 * Whether the client prefers an event stream to JSON (RFC 9110, 12.5.1). A wildcard is not enough to get
 * a stream: `text/event-stream` has to be named, with at least the quality of JSON.
 */
export function prefersEventStream(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  const qualities = new Map<string, number>();
  for (const part of accept.split(',')) {
    const [range = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase());
    const q = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
    const quality = q === undefined ? 1 : Number(q);
    qualities.set(range, Number.isFinite(quality) ? quality : 0);
  }
  const stream = qualities.get(EVENT_STREAM) ?? 0;
  const json = qualities.get(JSON_TYPE) ?? qualities.get('application/*') ?? qualities.get('*/*') ?? 0;
  // `text/event-stream, */*` names the stream, which beats a wildcard of the same quality.
  return stream > 0 && stream >= json;
}

/**
 * The version that the client of a single-stream URL already has: from the `Last-Event-ID` header, which a browser
 * sends when it reconnects, else from the query's `lastEventId`, for clients that cannot set headers.
 * A header that is no version counts as none, for a browser could not get rid of it and would be locked out for
 * ever; in the query it throws InvalidStreamRequest.
 */
export function lastEventId(request: IncomingMessage): number | undefined {
  const header = request.headers['last-event-id'];
  if (typeof header === 'string' && header !== '') return parseVersion(header);
  const query = searchParams(request).get('lastEventId');
  if (query === null || query === '') return undefined;
  const version = parseVersion(query);
  if (version === undefined) throw new InvalidStreamRequest([issue('lastEventId', query, 'is not a version')]);
  return version;
}

/**
 * The streams of a multiplexed request, `?stream=NAME&stream=NAME@VERSION`, each once. Where a stream is named
 * twice, the lower version counts (none at all being the lowest): more may be sent then, but nothing is missed.
 * Throws InvalidStreamRequest, which lists every parameter that is wrong.
 */
export function streamPositions(
  request: IncomingMessage,
  maxStreams: number,
  isKnown: (stream: string) => boolean,
): StreamPosition[] {
  const values = searchParams(request).getAll('stream');
  if (values.length === 0) {
    throw new InvalidStreamRequest([issue('stream', undefined, 'is missing: name at least one stream')]);
  }
  const positions = new Map<string, StreamPosition>();
  const issues: StreamRequestIssue[] = [];
  for (const value of values) {
    const at = value.lastIndexOf('@');
    const stream = at < 0 ? value : value.slice(0, at);
    const version = at < 0 ? undefined : parseVersion(value.slice(at + 1));
    if (at >= 0 && version === undefined) {
      issues.push(issue('stream', stream, 'has no whole number after the @ (the version that you already have)'));
    } else if (!isKnown(stream)) {
      issues.push(issue('stream', stream, 'does not name a stream of this server'));
    } else {
      const earlier = positions.get(stream);
      if (earlier === undefined || isLower(version, earlier.version)) positions.set(stream, { stream, version });
    }
    if (positions.size + issues.length > maxStreams) {
      const detail = `is there too often: at most ${maxStreams} streams fit on one connection`;
      throw new InvalidStreamRequest([issue('stream', stream, detail)]);
    }
  }
  const [first, ...others] = issues;
  if (first !== undefined) throw new InvalidStreamRequest([first, ...others]);
  return [...positions.values()];
}

function parseVersion(text: string): number | undefined {
  const version = VERSION.test(text) ? Number(text) : undefined;
  return Number.isSafeInteger(version) ? version : undefined;
}

function isLower(version: number | undefined, than: number | undefined): boolean {
  return than !== undefined && (version === undefined || version < than);
}

function searchParams(request: IncomingMessage): URLSearchParams {
  const url = request.url ?? '';
  const at = url.indexOf('?');
  return new URLSearchParams(at < 0 ? '' : url.slice(at + 1));
}

function issue(field: string, value: string | undefined, detail: string): StreamRequestIssue {
  return { field, ...(value !== undefined && { value: value.slice(0, 200) }), detail };
}
