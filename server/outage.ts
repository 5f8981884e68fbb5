import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { PermanentError } from './messaging/errors.ts';
import type { Middleware } from './messaging/handler.ts';
import type { HandlerOptions } from './messaging/event-router.ts';

/** Codes of errors that say nothing of the message: a database or the broker does not answer. */
const OUTAGES = new Set(['STORE_UNAVAILABLE', 'READ_MODEL_UNAVAILABLE', 'BROKER_UNAVAILABLE', 'BACKLOG_FULL']);

const RETRY_MS = 1_000;

/**
 * For handlers that need a database: while that is away a message waits, however long it takes, and every other
 * failure gets `maxAttempts`. Without the difference an outage of minutes would turn all its events into dead letters.
 *
 * The router's time-out lies around this, so one is tried again for ever. That is meant: such a handler waits for its
 * database alone, which gives no answer then (a lost route, a paused machine), and the whole batch waits with it.
 * `EventRouter`'s own `retry.outage` would do for the counting, but lies outside of the handler's middleware, where
 * `ProjectionWatch` would not see that a message was given up.
 */
export function giveUpUnlessOutage(maxAttempts: number): {
  readonly retry: HandlerOptions['retry'];
  readonly middleware: Middleware;
} {
  const middleware: Middleware = (next) => {
    const failures = new Map<string, number>();
    return async (message, context) => {
      try {
        const produced = await next(message, context);
        failures.delete(message.id);
        return produced;
      } catch (error) {
        if (isOutage(error)) throw error;
        const count = (failures.get(message.id) ?? 0) + 1;
        failures.set(message.id, count);
        if (count < maxAttempts) throw error;
        failures.delete(message.id);
        const reason = error instanceof Error ? error.message : String(error);
        throw new PermanentError(`Failed ${count} times: ${reason}`, { cause: error });
      }
    };
  };
  return { retry: { maxAttempts: Infinity, initialMs: 100, maxMs: 2_000 }, middleware };
}

export type ThroughOutagesOptions = { readonly logger: Logger; readonly signal?: AbortSignal };

/** Does the work again every second while it fails because of an outage. Throws the signal's reason, and other errors. */
export async function throughOutages<T>(work: () => Promise<T>, { logger, signal }: ThroughOutagesOptions): Promise<T> {
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (!isOutage(error)) throw error;
      logger.warn({ err: error }, 'Waiting for a service that went away during the start');
      await delay(RETRY_MS, undefined, { signal });
    }
  }
}

function isOutage(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && OUTAGES.has(String(error.code));
}
