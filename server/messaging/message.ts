import { randomUUID } from 'node:crypto';

/**
 * A message, as in Watermill: an id that makes duplicates recognisable, a payload that the messaging room never
 * looks into, and metadata (headers) for what travels beside it.
 */
export type Message = {
  readonly id: string;
  readonly topic: string;
  /** What the message is about; a subscription may listen to a single key. */
  readonly key: string;
  /** UTF-8 text, JSON by custom. */
  readonly payload: string;
  readonly metadata: Readonly<Record<string, string>>;
};

/** Names of the metadata that this room reads or writes itself. */
export const METADATA = { correlationId: 'correlation-id' } as const;

/** What a message is made from: `id` is a random UUID unless given, `metadata` empty. */
export type NewMessage = {
  readonly topic: string;
  readonly key: string;
  readonly payload: string;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly id?: string | undefined;
};

export function newMessage({ topic, key, payload, metadata = {}, id = randomUUID() }: NewMessage): Message {
  return { id, topic, key, payload, metadata };
}
