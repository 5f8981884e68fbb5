/** An event of a stream, as the WHATWG HTML standard defines it (9.2, server-sent events). */
export type ServerSentEvent = {
  /** The name that a client listens for; without it a browser calls it `message`. */
  readonly event?: string;
  /** What a client sends back as `Last-Event-ID` when it reconnects. */
  readonly id?: string;
  /** How long a client is to wait before it reconnects, in ms. */
  readonly retry?: number;
  /** Any text. A line break of any kind arrives as LF. */
  readonly data?: string;
};

// Named exactly as in the standard's grammar: nothing else ends a line, U+2028 and NEL included.
const LINE_BREAK = /\r\n|\r|\n/;
const FORBIDDEN_IN_FIELD = /[\r\n\0]/;

/**
 * The text of an event on the wire, with the blank line that dispatches it. No content can forge a line: data is
 * cut at CR LF, CR and LF alike; `event` and `id` throw a RangeError where they hold CR, LF or NUL (an id with
 * NUL is ignored by clients), and `retry` where it is no whole number.
 */
export function encodeEvent({ event, id, retry, data }: ServerSentEvent): string {
  let text = '';
  if (retry !== undefined) text += `retry: ${wholeNumber(retry)}\n`;
  if (event !== undefined) text += `event: ${singleLine('event', event)}\n`;
  if (id !== undefined) text += `id: ${singleLine('id', id)}\n`;
  if (data !== undefined) for (const line of data.split(LINE_BREAK)) text += `data: ${line}\n`;
  return text + '\n';
}

/** A comment, which a client passes over: it only shows that the connection lives. */
export function encodeComment(comment: string): string {
  return `: ${singleLine('comment', comment)}\n\n`;
}

function singleLine(field: string, value: string): string {
  if (FORBIDDEN_IN_FIELD.test(value)) throw new RangeError(`${field} must not hold CR, LF or NUL`);
  return value;
}

function wholeNumber(ms: number): number {
  if (!Number.isSafeInteger(ms) || ms < 0) throw new RangeError(`retry must be a whole number of ms, not ${ms}`);
  return ms;
}
