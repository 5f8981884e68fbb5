import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeComment, encodeEvent, type ServerSentEvent } from './encoding.ts';
import { EventStreamParser, type ParsedEvent } from './parse.ts';

const nasty = fc.constantFrom(
  '\r',
  '\n',
  '\r\n',
  '\0',
  '\u2028',
  '\u2029',
  '\u0085',
  '\uFEFF',
  ':',
  ' ',
  'data: x',
  'id: 1',
  'é',
  '😀',
);
const text = fc
  .array(fc.oneof(nasty, fc.string({ unit: 'grapheme' })), { maxLength: 12 })
  .map((parts) => parts.join(''));
const field = text.map((value) => value.replace(/[\r\n\0]/g, '·'));

/** Feeds the text in pieces that begin and end anywhere. */
function parse(stream: string, cuts: readonly number[] = []): { events: ParsedEvent[]; parser: EventStreamParser } {
  const events: ParsedEvent[] = [];
  const parser = new EventStreamParser((event) => events.push(event));
  const places = [...new Set(cuts.map((cut) => cut % (stream.length + 1)))].sort((a, b) => a - b);
  let from = 0;
  for (const to of [...places, stream.length]) {
    parser.feed(stream.slice(from, to));
    from = to;
  }
  return { events, parser };
}

test('what was encoded is decoded as it was, wherever the network cuts it', () => {
  const anyEvent = fc.record({ event: field, id: field, data: text });
  fc.assert(
    fc.property(
      fc.array(anyEvent, { minLength: 1, maxLength: 4 }),
      fc.array(fc.nat(), { maxLength: 8 }),
      (sent, cuts) => {
        const { events } = parse(sent.map(encodeEvent).join(''), cuts);
        expect(events).toEqual(
          sent.map(({ event, id, data }) => ({
            event: event === '' ? 'message' : event,
            lastEventId: id,
            data: data.replace(/\r\n|\r/g, '\n'),
          })),
        );
      },
    ),
    { numRuns: 1_000 },
  );
});

test('JSON comes through unchanged, whatever is in it', () => {
  fc.assert(
    fc.property(fc.jsonValue(), text, (value, more) => {
      const data = JSON.stringify({ value, more });
      expect(parse(encodeEvent({ data })).events.map((event) => event.data)).toEqual([data]);
    }),
  );
});

test('data forges no field: every line of it is data', () => {
  const encoded = encodeEvent({ data: 'a\rid: 7\nevent: x\r\n\r\nretry: 1\n' });
  expect(encoded).toBe('data: a\ndata: id: 7\ndata: event: x\ndata: \ndata: retry: 1\ndata: \n\n');
});

test.each<[string, ServerSentEvent]>([
  ['event', { event: 'a\nid: 7' }],
  ['event', { event: 'a\rb' }],
  ['id', { id: '1\r\ndata: x' }],
  ['id', { id: '1\0' }],
  ['retry', { retry: 1.5 }],
  ['retry', { retry: -1 }],
  ['retry', { retry: Number.NaN }],
])('%s that would break the stream is refused', (name, event) => {
  expect(() => encodeEvent(event)).toThrow(RangeError);
  expect(() => encodeEvent(event)).toThrow(name);
});

test('a comment and a reconnection time are no events', () => {
  const { events, parser } = parse(encodeComment('heartbeat') + encodeEvent({ retry: 2_000 }));
  expect(events).toEqual([]);
  expect([parser.comments, parser.retryMs]).toEqual([[' heartbeat'], 2_000]);
});

test('an event without an id keeps the last one, as the standard has it', () => {
  const { events } = parse(encodeEvent({ id: '7', data: 'a' }) + encodeEvent({ event: 'heartbeat', data: 'b' }));
  expect(events.map(({ lastEventId }) => lastEventId)).toEqual(['7', '7']);
});
