import type { IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { InvalidStreamRequest } from './errors.ts';
import { prefersEventStream, streamPositions } from './stream-request.ts';

test.each([
  [undefined, false],
  ['', false],
  ['*/*', false],
  ['text/*', false],
  ['application/json', false],
  ['text/event-stream', true],
  ['TEXT/Event-Stream', true],
  ['text/event-stream;charset=utf-8', true],
  ['text/event-stream, */*', true],
  ['text/event-stream, application/json', true],
  ['application/json, text/event-stream;q=0.9', false],
  ['application/json;q=0.5, text/event-stream;q=0.9', true],
  ['text/event-stream;q=0', false],
  ['text/event-stream; q=0.0, */*', false],
  ['text/event-stream;q=x', false],
  ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', false],
])('Accept %j prefers a stream: %s', (accept, expected) => {
  expect(prefersEventStream(accept)).toBe(expected);
});

const asRequest = (query: string) => ({ url: `/live?${query}`, headers: {} }) as IncomingMessage;

test('any query gives at most the streams that are allowed, or names the parameter that is wrong', () => {
  const value = fc.oneof(
    fc.string(),
    fc
      .tuple(fc.constantFrom('feed:a', 'feed:b', 'post:1'), fc.oneof(fc.string(), fc.nat().map(String)))
      .map((pair) => pair.join('@')),
  );
  fc.assert(
    fc.property(fc.array(value, { maxLength: 12 }), (values) => {
      const query = new URLSearchParams(values.map((one) => ['stream', one])).toString();
      try {
        const positions = streamPositions(asRequest(query), 5, (stream) => /^(feed|post):/.test(stream));
        expect(positions.length).toBeLessThanOrEqual(5);
        expect(new Set(positions.map(({ stream }) => stream)).size).toBe(positions.length);
      } catch (error) {
        expect(error).toBeInstanceOf(InvalidStreamRequest);
        expect(error).toMatchObject({ code: 'INVALID_STREAM_REQUEST', status: 400, field: 'stream' });
      }
    }),
  );
});

test('every refused stream is named by itself, without what follows the @', () => {
  const refused = () =>
    streamPositions(asRequest('stream=a:1@4&stream=ok:1&stream=b:2&stream=ok:2@new'), 9, (name) =>
      name.startsWith('ok'),
    );
  expect(refused).toThrow(
    expect.objectContaining({
      issues: ['a:1', 'b:2', 'ok:2'].map((value): unknown => expect.objectContaining({ value })),
    }),
  );
});

test('a name may hold an @, the last one parts it from the version', () => {
  expect(streamPositions(asRequest('stream=user:a@b.example@12'), 9, () => true)).toEqual([
    { stream: 'user:a@b.example', version: 12 },
  ]);
});
