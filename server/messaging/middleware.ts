import { systemClock, type Clock } from './clock.ts';
import { isOutage, isRetryable } from './errors.ts';
import type { Handler, Middleware } from './handler.ts';
import { METADATA } from './message.ts';

/** A handler that throws before it returns a promise, or throws what is no Error, rejects with an Error. */
export const recoverer: Middleware = (next) => async (message, context) => {
  try {
    return await next(message, context);
  } catch (error) {
    throw error instanceof Error
      ? error
      : new Error(`Handler ${context.handler} threw ${String(error)}`, { cause: error });
  }
};

/** The handler took longer than its time-out. It may still be running if it does not listen to its signal. */
export class HandlerTimeoutError extends Error {
  readonly code = 'HANDLER_TIMEOUT';
  override readonly name = 'HandlerTimeoutError';
}

/** Ends the wait for the time-out of a handler that is done; a reason of its own saves the making of an error each time. */
const DONE = Symbol('done');

/**
 * Aborts the handler's signal after `ms`, and rejects with `HandlerTimeoutError` whether the handler listens or not.
 * Rejects likewise, with the signal's reason, when the signal from outside is aborted.
 */
export const timeout =
  (ms: number, clock: Clock = systemClock): Middleware =>
  (next) =>
  async (message, context) => {
    const over = new AbortController();
    const done = new AbortController();
    const signal = AbortSignal.any([context.signal, over.signal]);
    const expiry = clock.sleep(ms, AbortSignal.any([context.signal, done.signal])).then(() => {
      const error = new HandlerTimeoutError(`Handler ${context.handler} took longer than ${ms} ms`);
      over.abort(error);
      throw error;
    });
    try {
      return await Promise.race([next(message, { ...context, signal }), expiry]);
    } finally {
      expiry.catch(() => undefined);
      done.abort(DONE);
    }
  };

export type RetryOptions = {
  /** Attempts in all, the first included. Default 5. */
  readonly maxAttempts?: number;
  /** Wait before the second attempt; each further wait is twice as long. Default 100 ms. */
  readonly initialMs?: number;
  /** Bound of the wait. Default 10,000 ms. */
  readonly maxMs?: number;
  /** 0.25 spreads each wait, the bound too, by up to a quarter to either side. Default 0.25. */
  readonly jitter?: number;
  /**
   * True for errors that are no fault of the message: a database or broker is away. They do not count as attempts: the
   * handler runs again until it is over. Default: `isOutage` (errors.ts).
   */
  readonly outage?: (error: unknown) => boolean;
  readonly clock?: Clock;
  /** A number in [0, 1), for the jitter. */
  readonly random?: () => number;
};

/**
 * Runs the handler again after a wait that doubles. Ends with the last error, and at once where the error is not
 * retryable, the signal is aborted or the router is closing.
 */
export const retry = (options: RetryOptions = {}): Middleware => {
  const { maxAttempts = 5, outage = isOutage, clock = systemClock } = options;
  return (next) => async (message, context) => {
    let failures = 0;
    for (let tried = 1; ; tried += 1) {
      try {
        return await next(message, { ...context, attempt: context.attempt + tried - 1 });
      } catch (error) {
        if (!outage(error)) failures += 1;
        if (failures >= maxAttempts || !isRetryable(error) || isEnding(context)) throw error;
        const waitMs = backOff(tried, options);
        // Once: an outage makes hundreds of messages try again and again. What is given up is logged by who does it.
        context.logger?.[tried === 1 ? 'warn' : 'debug'](
          { err: error, handler: context.handler, messageId: message.id, tried, waitMs },
          'retrying',
        );
        await clock.sleep(waitMs, AbortSignal.any([context.signal, context.closing])).catch(() => {
          throw error;
        });
      }
    }
  };
};

/** The wait in ms after the `tried`th attempt (1, 2, ...). */
export function backOff(tried: number, options: RetryOptions = {}): number {
  const { initialMs = 100, maxMs = 10_000, jitter = 0.25, random = Math.random } = options;
  const wait = Math.min(maxMs, initialMs * 2 ** Math.min(tried - 1, 30));
  return Math.round(wait * (1 + jitter * (2 * random() - 1)));
}

/** True when a failure says nothing of the message: the work was stopped from outside. */
export function isEnding({ signal, closing }: { signal: AbortSignal; closing: AbortSignal }): boolean {
  return signal.aborted || closing.aborted;
}

/** What a handler makes belongs to the same story as what it was given: one correlation id from the first message on. */
export const correlation: Middleware = (next) => async (message, context) => {
  const produced = await next(message, context);
  const correlationId = message.metadata[METADATA.correlationId] ?? message.id;
  return produced?.map((made) => ({
    ...made,
    metadata: { [METADATA.correlationId]: correlationId, ...made.metadata },
  }));
};

/** Skips messages whose id this handler has dealt with among the last `window` ones (default 10,000). */
export const deduplicator = (window = 10_000): Middleware => {
  return (next) => {
    const seen = new Set<string>();
    return async (message, context) => {
      if (seen.has(message.id)) return;
      const produced = await next(message, context);
      seen.add(message.id);
      if (seen.size > window) seen.delete(firstOf(seen) as string);
      return produced;
    };
  };
};

function firstOf<T>(set: Set<T>): T | undefined {
  for (const value of set) return value;
  return undefined;
}

export type Measured = {
  readonly handler: string;
  readonly topic: string;
  readonly outcome: 'done' | 'failed';
  readonly attempt: number;
  readonly durationMs: number;
};

/** Tells `record` of each call. Inside `retry` it counts attempts, outside messages. */
export const metrics =
  (record: (measured: Measured) => void, clock: Clock = systemClock): Middleware =>
  (next) =>
  async (message, context) => {
    const start = clock.now();
    const tell = (outcome: Measured['outcome']): void =>
      record({
        handler: context.handler,
        topic: message.topic,
        outcome,
        attempt: context.attempt,
        durationMs: clock.now() - start,
      });
    try {
      const produced = await next(message, context);
      tell('done');
      return produced;
    } catch (error) {
      tell('failed');
      throw error;
    }
  };

/** Puts middleware around a handler; the first is the outermost. */
export function wrap(handler: Handler, ...middleware: readonly Middleware[]): Handler {
  return middleware.reduceRight<Handler>((next, around) => around(next), handler);
}
