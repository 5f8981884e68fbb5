import type { Middleware } from './handler.ts';
import { METADATA, newMessage, type Message } from './message.ts';
import { isEnding } from './middleware.ts';
import type { Publisher } from './pubsub.ts';

export type DeadLetterOptions = {
  readonly publisher: Publisher;
  readonly topic: string;
  /** A message became a dead letter; for metrics. */
  readonly onDeadLetter?: (message: Message, error: Error) => void;
};

/** The dead letter could not be published either: the message must come again. */
export class DeadLetterError extends Error {
  readonly code = 'DEAD_LETTER_UNPUBLISHED';
  override readonly name = 'DeadLetterError';
}

/**
 * A message whose handler fails is published to the dead-letter topic, with the reason, and counts as dealt with.
 * Goes outside of `retry` (an EventRouter puts it there itself). When the work was stopped from outside the error
 * goes on, and when the dead letter can't be published a `DeadLetterError`: the message is to be nacked then.
 */
export const deadLetter =
  ({ publisher, topic, onDeadLetter }: DeadLetterOptions): Middleware =>
  (next) =>
  async (message, context) => {
    try {
      return await next(message, context);
    } catch (thrown) {
      if (isEnding(context)) throw thrown;
      const error = thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown });
      try {
        await publisher.publish(toDeadLetter(message, topic, context.handler, error.message));
      } catch (cause) {
        throw new DeadLetterError(`Message ${message.id} failed (${error.message}), and so did its dead letter`, {
          cause,
        });
      }
      context.logger?.error(
        { err: error, handler: context.handler, messageId: message.id },
        'message is a dead letter',
      );
      onDeadLetter?.(message, error);
      return [];
    }
  };

/** The dead letter of a message. Its id is new, so that a message that dies again after a replay is not lost as a duplicate. */
export function toDeadLetter(message: Message, topic: string, handler: string, reason: string): Message {
  return newMessage({
    topic,
    key: message.key,
    payload: message.payload,
    metadata: {
      ...message.metadata,
      [METADATA.correlationId]: message.metadata[METADATA.correlationId] ?? message.id,
      [METADATA.deadLetterId]: message.id,
      [METADATA.deadLetterTopic]: message.topic,
      [METADATA.deadLetterHandler]: handler,
      [METADATA.deadLetterReason]: reason.slice(0, 1_000),
    },
  });
}

/** The message that a dead letter was, and who gave it up and why. Throws on a message that is no dead letter. */
export function fromDeadLetter(letter: Message): { message: Message; handler: string; reason: string } {
  const {
    [METADATA.deadLetterId]: id,
    [METADATA.deadLetterTopic]: topic,
    [METADATA.deadLetterHandler]: handler,
    [METADATA.deadLetterReason]: reason,
    ...metadata
  } = letter.metadata;
  if (id === undefined || topic === undefined || handler === undefined || reason === undefined)
    throw new Error(`Message ${letter.id} on topic ${letter.topic} is no dead letter`);
  return { message: { id, topic, key: letter.key, payload: letter.payload, metadata }, handler, reason };
}
