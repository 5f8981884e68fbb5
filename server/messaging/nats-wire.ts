import { headers, type MsgHdrs } from '@nats-io/transport-node';
import { InvalidTopicError } from './errors.ts';
import type { Message } from './message.ts';

/*
 * How a message looks on NATS.
 *
 * Subject: `<prefix>.<topic>.<key>`, the key as one token (`encodeKey`). Payload: the message's, as UTF-8.
 * Headers: `Nats-Msg-Id` is `<topic>:<id>` (JetStream finds duplicates by stream, and a stream may hold several
 * topics); `Message` is JSON in ASCII, `{"id", "key", "metadata"}`, since header values can hold neither line breaks
 * nor every character. Messages of others, without that header, are read as well as can be.
 */

const TOPIC = /^[\w-]+(\.[\w-]+)*$/;
const MAX_TOKEN = 512;

/** The pattern of all subjects of a topic. Throws `InvalidTopicError` for other than words, `-` and `_` between dots. */
export function topicSubjects(prefix: string, topic: string): string {
  if (!TOPIC.test(topic))
    throw new InvalidTopicError(`${JSON.stringify(topic)} is no topic: words with dots between them are`);
  return `${prefix}.${topic}.*`;
}

export function keySubject(prefix: string, topic: string, key: string): string {
  return topicSubjects(prefix, topic).slice(0, -1) + encodeKey(key);
}

/**
 * Any string as one token of a subject: letters, digits, `-` and `_` stay, the bytes of all else become `%XX`
 * (`feed:golang` is `feed%3Agolang`), so spaces, dots and wildcards are harmless. The empty key is `%`, and of a key
 * with more than 512 such characters only the first 480 and a 32-bit hash are left: whoever listens to a key compares
 * `Message.key` too.
 */
export function encodeKey(key: string): string {
  const token = encodeURIComponent(key.toWellFormed()).replace(
    /[.*!'()~]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  if (token === '') return '%';
  return token.length <= MAX_TOKEN ? token : `${token.slice(0, 480)}%${hash(token)}`;
}

export function toHeaders({ id, topic, key, metadata }: Message): MsgHdrs {
  const made = headers();
  made.set('Nats-Msg-Id', `${topic}:${encodeURIComponent(id.toWellFormed())}`);
  made.set('Message', toAsciiJson({ id, key, metadata }));
  return made;
}

export type Received = { readonly subject: string; readonly headers?: MsgHdrs | undefined; string(): string };

/** As the broker counts them against its limit for a message. */
export function sizeOf(made: MsgHdrs): number {
  let bytes = 'NATS/1.0\r\n\r\n'.length;
  for (const name of made.keys()) bytes += name.length + made.get(name).length + ': \r\n'.length;
  return bytes;
}

/** `fallbackId` names a message that came without an id. */
export function fromWire(received: Received, topic: string, fallbackId: string): Message {
  const { id, key, metadata } = parseHeader(received.headers?.get('Message'));
  return {
    id: id ?? (received.headers?.get('Nats-Msg-Id') || fallbackId),
    topic,
    key: key ?? decodeKey(received.subject),
    payload: received.string(),
    metadata: metadata ?? {},
  };
}

function parseHeader(text: string | undefined): { id?: string; key?: string; metadata?: Record<string, string> } {
  try {
    const { id, key, metadata } = Object(JSON.parse(text || '{}')) as Record<string, unknown>;
    return {
      ...(typeof id === 'string' && { id }),
      ...(typeof key === 'string' && { key }),
      metadata: Object.fromEntries(
        Object.entries(Object(metadata ?? {})).map(([name, value]) => [name, String(value)]),
      ),
    };
  } catch {
    return {};
  }
}

function decodeKey(subject: string): string {
  const token = subject.slice(subject.lastIndexOf('.') + 1);
  try {
    return token === '%' ? '' : decodeURIComponent(token);
  } catch {
    return token;
  }
}

function toAsciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^ -~]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** FNV-1a. */
function hash(text: string): string {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return (value >>> 0).toString(16).toUpperCase();
}
