import type { Middleware } from './handler.ts';
import type { Message } from './message.ts';
import { retry } from './retry.ts';

/**
 * Publishes what the handler returned, and tries until the publisher takes it or the router closes: the handler need not
 * run again for that. A permanent error goes on.
 */
export const publishProduced =
  (publish: (messages: readonly Message[]) => Promise<void>): Middleware =>
  (next) =>
  async (message, context) => {
    const produced = await next(message, context);
    if (!produced?.length) return;
    await retry(() => publish(produced), {
      maxAttempts: Infinity,
      maxMs: 5_000,
      signal: AbortSignal.any([context.signal, context.closing]),
      onRetry: (error, tried, waitMs) =>
        context.logger?.warn(
          { err: error, handler: context.handler, tried, waitMs },
          'could not publish what was produced',
        ),
    });
  };

/** For a handler without a publisher: what it returns would be lost silently, so it is an error. */
export const refuseProduced: Middleware = (next) => async (message, context) => {
  const produced = await next(message, context);
  if (produced?.length) throw new Error(`Handler ${context.handler} has nowhere to publish what it returned`);
};
