/** The error of a handler for which trying again is useless: the message becomes a dead letter at once. */
export class PermanentError extends Error {
  readonly code = 'PERMANENT';
  readonly retryable = false;
  override readonly name = 'PermanentError';
}

/** False for a `PermanentError`, and for any error that says `retryable: false` of itself. */
export function isRetryable(error: unknown): boolean {
  return !(typeof error === 'object' && error !== null && 'retryable' in error && error.retryable === false);
}

/** The publisher or subscriber was closed by its owner, and takes nothing more. */
export class PubSubClosedError extends Error {
  readonly code = 'PUBSUB_CLOSED';
  override readonly name = 'PubSubClosedError';
}

/** The broker can't be reached, or did not answer in time. What was to be published may have been taken or not. */
export class BrokerUnavailableError extends Error {
  readonly code = 'BROKER_UNAVAILABLE';
  override readonly name = 'BrokerUnavailableError';
}

/** True for `BrokerUnavailableError` and `BacklogFullError`, and for any error that says `outage: true` of itself. */
export function isOutage(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  if (error instanceof BrokerUnavailableError || error instanceof BacklogFullError) return true;
  return 'outage' in error && error.outage === true;
}

/** A group is so far behind that no more is kept for it: publish again when it has caught up. */
export class BacklogFullError extends Error {
  readonly code = 'BACKLOG_FULL';
  override readonly name = 'BacklogFullError';
}

/** A topic, group or stream as this pub/sub can't have it: a mistake of the program, not of the moment. */
export class InvalidTopicError extends Error {
  readonly code = 'INVALID_TOPIC';
  readonly retryable = false;
  override readonly name = 'InvalidTopicError';
}

/** A message larger than the broker takes: sending it again is useless. */
export class MessageTooLargeError extends Error {
  readonly code = 'MESSAGE_TOO_LARGE';
  readonly retryable = false;
  override readonly name = 'MessageTooLargeError';
}
