/**
 * What an error says of itself. Whoever throws it decides that once, where the reason is known; everybody else goes by it.
 *
 * - `outage`: something that is needed is away, closing, electing, full or silent. What was tried may have been done or
 *   not, and will work later. It says nothing of the message.
 * - `conflict`: others were at the same thing. Nothing was done, and it will work right away or soon.
 * - `permanent`: it will never work, however often it is tried.
 *
 * An error that says nothing has a reason that nobody knows: it is worth a few tries.
 */
export type ErrorKind = 'outage' | 'conflict' | 'permanent';

/** How deep to look for a kind among the causes of an error that says nothing itself. */
const MAX_CAUSES = 8;

/** The kind that an error, or else what caused it, says of itself in its field `kind`. */
export function kindOf(error: unknown): ErrorKind | undefined {
  let cause = error;
  for (let depth = 0; depth < MAX_CAUSES && typeof cause === 'object' && cause !== null; depth += 1) {
    const { kind, cause: deeper } = cause as { kind?: unknown; cause?: unknown };
    if (kind === 'outage' || kind === 'conflict' || kind === 'permanent') return kind;
    cause = deeper;
  }
  return undefined;
}

export class OutageError extends Error {
  readonly kind = 'outage';
}

export class ConflictError extends Error {
  readonly kind = 'conflict';
}

/** A handler that throws it gives its message up at once. */
export class PermanentError extends Error {
  readonly kind = 'permanent';
  override readonly name: string = 'PermanentError';
}

/** The publisher or subscriber was closed by its owner, and takes nothing more. */
export class PubSubClosedError extends OutageError {
  readonly code = 'PUBSUB_CLOSED';
  override readonly name = 'PubSubClosedError';
}

/** The broker can't be reached, or did not answer in time. What was to be published may have been taken or not. */
export class BrokerUnavailableError extends OutageError {
  readonly code = 'BROKER_UNAVAILABLE';
  override readonly name = 'BrokerUnavailableError';
}

/** The broker understood and says no: wrong credentials, or a stream or consumer that can't be. */
export class BrokerRefusedError extends PermanentError {
  readonly code = 'BROKER_REFUSED';
  override readonly name = 'BrokerRefusedError';
}

/** A group is so far behind that no more is kept for it: publish again when it has caught up. */
export class BacklogFullError extends OutageError {
  readonly code = 'BACKLOG_FULL';
  override readonly name = 'BacklogFullError';
}

/**
 * A handler took longer than its time-out; it may still be running, if it does not listen to its signal. An outage, since
 * who hangs waits for something that does not answer.
 */
export class HandlerTimeoutError extends OutageError {
  readonly code = 'HANDLER_TIMEOUT';
  override readonly name = 'HandlerTimeoutError';
}

/** A topic, group or stream as this pub/sub can't have it: a mistake of the program, not of the moment. */
export class InvalidTopicError extends PermanentError {
  readonly code = 'INVALID_TOPIC';
  override readonly name = 'InvalidTopicError';
}

/** A message larger than the broker takes. */
export class MessageTooLargeError extends PermanentError {
  readonly code = 'MESSAGE_TOO_LARGE';
  override readonly name = 'MessageTooLargeError';
}
