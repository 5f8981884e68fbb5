import type { Clock } from './clock.ts';
import { isRetryable } from './errors.ts';
import type { Middleware } from './handler.ts';
import type { Message } from './message.ts';
import { backOff } from './middleware.ts';

/**
 * Publishes what the handler returned, and tries until the publisher takes it or the router closes: a broker that is
 * away is no fault of the message, and the handler need not run again for it. An error that is not retryable goes on.
 */
export const publishProduced =
  (
    publish: (messages: readonly Message[]) => Promise<void>,
    { clock, random }: { clock: Clock; random?: () => number },
  ): Middleware =>
  (next) =>
  async (message, context) => {
    const produced = await next(message, context);
    if (!produced?.length) return;
    for (let tried = 1; ; tried += 1) {
      try {
        return await publish(produced);
      } catch (error) {
        if (!isRetryable(error)) throw error;
        const ending = AbortSignal.any([context.signal, context.closing]);
        ending.throwIfAborted();
        const waitMs = backOff(tried, { initialMs: 100, maxMs: 5_000, random });
        context.logger?.warn(
          { err: error, handler: context.handler, tried, waitMs },
          'could not publish what was produced',
        );
        await clock.sleep(waitMs, ending);
      }
    }
  };

/** For a handler without a publisher: what it returns would be lost silently, so it is an error. */
export const refuseProduced: Middleware = (next) => async (message, context) => {
  const produced = await next(message, context);
  if (produced?.length) throw new Error(`Handler ${context.handler} has nowhere to publish what it returned`);
};
