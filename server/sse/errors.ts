/**
 * What is wrong with one parameter: `field` is its name, `value` what was sent (of a stream its name alone, without a
 * version), cut to 200 characters.
 */
export type StreamRequestIssue = { readonly field: string; readonly value?: string; readonly detail: string };

/** A request that asks for streams in a way that cannot be answered. An HTTP 400, which names the parameters. */
export class InvalidStreamRequest extends Error {
  readonly code = 'INVALID_STREAM_REQUEST';
  readonly status = 400;
  readonly issues: readonly StreamRequestIssue[];
  /** The first of the issues. */
  readonly field: string;
  readonly detail: string;

  constructor(issues: readonly [StreamRequestIssue, ...StreamRequestIssue[]]) {
    super(`${issues[0].field} ${issues[0].detail}`);
    this.name = 'InvalidStreamRequest';
    this.issues = issues;
    this.field = issues[0].field;
    this.detail = issues[0].detail;
  }
}

/**
 * The server takes no more streams now: it carries as many as it can (503), or this client has as many as one may have
 * (429). `Retry-After` is already set on the response.
 */
export class StreamsUnavailable extends Error {
  readonly code: 'TOO_MANY_CONNECTIONS' | 'TOO_MANY_CONNECTIONS_OF_CLIENT';
  readonly status: 429 | 503;
  readonly retryAfterS: number;

  constructor(code: StreamsUnavailable['code'], message: string, retryAfterS: number) {
    super(message);
    this.name = 'StreamsUnavailable';
    this.code = code;
    this.status = code === 'TOO_MANY_CONNECTIONS_OF_CLIENT' ? 429 : 503;
    this.retryAfterS = retryAfterS;
  }
}
