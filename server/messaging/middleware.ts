import { HandlerTimeoutError } from './errors.ts';
import type { Handler, Middleware } from './handler.ts';
import { METADATA } from './message.ts';
import { retry, type RetryOptions } from './retry.ts';

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

/**
 * Aborts the handler's signal after `ms`, and rejects with `HandlerTimeoutError` whether the handler listens or not.
 * Rejects likewise, with the signal's reason, when the signal from outside is aborted.
 */
export const timeout =
  (ms: number): Middleware =>
  (next) =>
  async (message, context) => {
    const over = new AbortController();
    const signal = AbortSignal.any([context.signal, over.signal]);
    const stopped = Promise.withResolvers<never>();
    const stop = (): void => stopped.reject(signal.reason);
    const timer = setTimeout(() => {
      over.abort(new HandlerTimeoutError(`Handler ${context.handler} took longer than ${ms} ms`));
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    try {
      return await Promise.race([next(message, { ...context, signal }), stopped.promise]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
  };

/**
 * Runs the handler again where it failed: while there is an outage or a conflict, for they say nothing of the message;
 * after any other error until it had `maxAttempts` (default 5); and never after a permanent one, or when the work is
 * stopped from outside.
 */
export const retrying =
  (options: Omit<RetryOptions, 'signal' | 'onRetry'> = {}): Middleware =>
  (next) =>
  (message, context) =>
    retry((tried) => next(message, { ...context, attempt: context.attempt + tried - 1 }), {
      maxAttempts: 5,
      ...options,
      signal: AbortSignal.any([context.signal, context.closing]),
      // Once: an outage makes hundreds of messages try again and again. What is given up is logged by who does it.
      onRetry: (error, tried, waitMs) =>
        context.logger?.[tried === 1 ? 'warn' : 'debug'](
          { err: error, handler: context.handler, messageId: message.id, tried, waitMs },
          'retrying',
        ),
    });

/** What a handler makes belongs to the same story as what it was given: one correlation id from the first message on. */
export const correlation: Middleware = (next) => async (message, context) => {
  const produced = await next(message, context);
  const correlationId = message.metadata[METADATA.correlationId] ?? message.id;
  return produced?.map((made) => ({
    ...made,
    metadata: { [METADATA.correlationId]: correlationId, ...made.metadata },
  }));
};

export type Measured = {
  readonly handler: string;
  readonly topic: string;
  readonly outcome: 'done' | 'failed';
  readonly attempt: number;
  readonly durationMs: number;
};

/** Tells `record` of each call. Inside `retry` it counts attempts, outside messages. */
export const metrics =
  (record: (measured: Measured) => void): Middleware =>
  (next) =>
  async (message, context) => {
    const start = performance.now();
    const tell = (outcome: Measured['outcome']): void =>
      record({
        handler: context.handler,
        topic: message.topic,
        outcome,
        attempt: context.attempt,
        durationMs: performance.now() - start,
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
