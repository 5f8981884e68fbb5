import { JetStreamApiError } from '@nats-io/jetstream';
import { errors } from '@nats-io/transport-node';
import { BrokerRefusedError, BrokerUnavailableError, kindOf } from './errors.ts';

/**
 * Waits for the broker, at most `ms`, and not after the connection is `lost`: the client itself would wait on. Rejects
 * with {@link typed} errors.
 */
export async function answered<T>(answer: Promise<T>, ms: number, lost: AbortSignal): Promise<T> {
  const giveUp = Promise.withResolvers<never>();
  const onLost = (): void => giveUp.reject(new Error('the connection was lost'));
  const timer = setTimeout(() => giveUp.reject(new Error(`no answer within ${ms} ms`)), ms);
  lost.addEventListener('abort', onLost, { once: true });
  try {
    return await Promise.race([answer, giveUp.promise]);
  } catch (error) {
    throw typed(error);
  } finally {
    clearTimeout(timer);
    lost.removeEventListener('abort', onLost);
  }
}

/**
 * An error of the client as one that says what it is: `BrokerRefusedError` where asking again is useless, else
 * `BrokerUnavailableError`. A stream that is not there is an outage: it is made again after each reconnect.
 */
export function typed(error: unknown, broker = 'NATS'): unknown {
  if (kindOf(error) || error instanceof TypeError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const isRefusal = error instanceof JetStreamApiError && error.status < 500 && error.status !== 404;
  const { cause } = Object(error) as { cause?: unknown };
  const mayNot = [errors.AuthorizationError, errors.PermissionViolationError].some(
    (type) => error instanceof type || cause instanceof type,
  );
  return isRefusal || mayNot
    ? new BrokerRefusedError(`${broker} refuses: ${reason}`, { cause: error })
    : new BrokerUnavailableError(`${broker} did not do it: ${reason}`, { cause: error });
}
