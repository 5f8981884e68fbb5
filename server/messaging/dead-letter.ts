import type { Middleware } from './handler.ts';
import type { Message } from './message.ts';

/** A message that no handler could deal with: which one gave it up, why and when (ISO 8601). */
export type DeadLetter = {
  readonly message: Message;
  readonly handler: string;
  readonly reason: string;
  readonly at: string;
};

/** Where dead letters go: a table, a topic, a file. One that comes twice is to be kept once. */
export type DeadLetterOffice = { keep(letter: DeadLetter): Promise<void> };

/** The dead letter could not be kept either: the message must come again. */
export class DeadLetterError extends Error {
  readonly code = 'DEAD_LETTER_NOT_KEPT';
  override readonly name = 'DeadLetterError';
}

/** Reasons are for people; a driver's may hold the whole of what it was given. */
const MAX_REASON = 1_000;

/**
 * A message whose handler fails is kept as a dead letter, and counts as dealt with. Goes outside of `retrying` (an
 * EventRouter puts it there itself). When the work was stopped from outside the error goes on, and when the letter can't
 * be kept a `DeadLetterError`: the message is to be nacked then.
 */
export const deadLetter =
  (office: DeadLetterOffice): Middleware =>
  (next) =>
  async (message, context) => {
    try {
      return await next(message, context);
    } catch (error) {
      // That says nothing of the message: the work was stopped from outside.
      if (context.signal.aborted || context.closing.aborted) throw error;
      const { handler, logger } = context;
      const reason = (error instanceof Error ? error.message : String(error)).slice(0, MAX_REASON);
      try {
        await office.keep({ message, handler, reason, at: new Date().toISOString() });
      } catch (cause) {
        throw new DeadLetterError(`Message ${message.id} failed (${reason}), and so did its dead letter`, { cause });
      }
      logger?.error({ err: error, handler, messageId: message.id }, 'message is a dead letter');
      return [];
    }
  };
