/**
 * A message, as in Watermill: an id that makes duplicates recognisable, a payload that the messaging room never
 * looks into, and metadata (headers) for what travels beside it.
 */
export type Message = {
  readonly id: string;
  readonly topic: string;
  /** Messages of one key keep their order, and a subscription may ask for a single key. */
  readonly key: string;
  /** UTF-8 text, JSON by custom. */
  readonly payload: string;
  readonly metadata: Readonly<Record<string, string>>;
};

/** Names of the metadata that this room reads or writes itself. */
export const METADATA = {
  correlationId: 'correlation-id',
  deadLetterReason: 'dead-letter-reason',
  deadLetterTopic: 'dead-letter-topic',
  deadLetterHandler: 'dead-letter-handler',
} as const;
