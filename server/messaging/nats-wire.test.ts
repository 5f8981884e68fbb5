import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidTopicError } from './errors.ts';
import { newMessage } from './message.ts';
import { encodeKey, fromWire, keySubject, sizeOf, toHeaders, topicSubjects } from './nats-wire.ts';

describe('a key on the wire', () => {
  it.each([
    ['feed:golang', 'feed%3Agolang'],
    ['post-1_a', 'post-1_a'],
    ['a.b *>', 'a%2Eb%20%2A%3E'],
    ['会', '%E4%BC%9A'],
    ['', '%'],
  ])('%j is the token %s', (key, token) => {
    expect(encodeKey(key)).toBe(token);
  });

  it('is one legal token, whatever the key, and another for another key', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (one, other) => {
        expect(encodeKey(one)).toMatch(/^[\w%-]+$/);
        expect(encodeKey(one) === encodeKey(other)).toBe(one === other);
      }),
    );
  });

  it('is bounded', () => {
    const [one, other] = [encodeKey('x'.repeat(5_000)), encodeKey(`${'x'.repeat(5_000)}y`)];
    expect(one.length).toBeLessThanOrEqual(512);
    expect(one).not.toBe(other);
  });
});

it.each(['', 'a b', 'a.', '.a', 'a..b', 'a.*', '>', 'é'])('%j is no topic', (topic) => {
  expect(() => topicSubjects('p', topic)).toThrow(InvalidTopicError);
});

describe('a message on the wire', () => {
  it('comes back as it was, whatever it holds', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(text, text, fc.dictionary(text, text), (id, key, metadata) => {
        const message = newMessage({ id: id || 'x', topic: 't.u', key, payload: 'p', metadata });
        const headers = toHeaders(message);
        for (const name of headers.keys()) expect(headers.get(name)).toMatch(/^[ -~]*$/);
        const wire = { subject: keySubject('p', 't.u', key), headers, string: () => 'p' };
        expect(fromWire(wire, 't.u', 'fallback')).toEqual(message);
      }),
    );
  });

  it('is counted at least as large as the broker counts it', () => {
    const headers = toHeaders(newMessage({ topic: 't', key: 'k', payload: 'p' }));
    expect(sizeOf(headers)).toBe((headers as unknown as { encode(): Uint8Array }).encode().length);
  });

  it.each([undefined, '', 'no JSON', '7', 'null', '{"id":7,"metadata":3}'])(
    'of somebody else is read as well as can be (header %j)',
    (header) => {
      const headers = toHeaders(newMessage({ topic: 't', key: 'k', payload: 'p' }));
      headers.delete('Nats-Msg-Id');
      if (header === undefined) headers.delete('Message');
      else headers.set('Message', header);
      const wire = { subject: 'p.t.feed%3Ago', headers, string: () => 'p' };
      expect(fromWire(wire, 't', 'fallback')).toEqual({
        id: 'fallback',
        topic: 't',
        key: 'feed:go',
        payload: 'p',
        metadata: {},
      });
    },
  );
});
