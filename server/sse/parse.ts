/** An event as a client dispatches it. */
export type ParsedEvent = { readonly event: string; readonly data: string; readonly lastEventId: string };

/**
 * A parser of event streams by the letter of the WHATWG HTML standard (9.2.6), for tests and for clients in Node.
 * Feed it text in pieces of any size.
 */
export class EventStreamParser {
  /** What the server asked for last, in ms. */
  retryMs: number | undefined;
  readonly comments: string[] = [];
  readonly #onEvent: (event: ParsedEvent) => void;
  #rest = '';
  #isFirst = true;
  /** The CR was taken for a line break; an LF that follows it belongs to that. */
  #endedWithCr = false;
  #data: string[] = [];
  #event = '';
  #id = '';
  #lastEventId = '';

  constructor(onEvent: (event: ParsedEvent) => void) {
    this.#onEvent = onEvent;
  }

  feed(text: string): void {
    let start = 0;
    if (this.#isFirst && text.startsWith('\uFEFF')) start = 1;
    else if (this.#endedWithCr && text.startsWith('\n')) start = 1;
    if (text === '') return;
    this.#isFirst = false;
    this.#endedWithCr = text.endsWith('\r');
    for (const { 0: lineBreak, index } of text.matchAll(/\r\n|\r|\n/g)) {
      if (index < start) continue;
      this.#line(this.#rest + text.slice(start, index));
      this.#rest = '';
      start = index + lineBreak.length;
    }
    this.#rest += text.slice(start);
  }

  #line(line: string): void {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) {
      this.comments.push(line.slice(1));
      return;
    }
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#event = value;
    else if (field === 'data') this.#data.push(value);
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    else if (field === 'retry' && /^\d+$/.test(value)) this.retryMs = Number(value);
  }

  #dispatch(): void {
    this.#lastEventId = this.#id;
    const data = this.#data;
    const event = this.#event === '' ? 'message' : this.#event;
    this.#data = [];
    this.#event = '';
    if (data.length > 0) this.#onEvent({ event, data: data.join('\n'), lastEventId: this.#lastEventId });
  }
}
