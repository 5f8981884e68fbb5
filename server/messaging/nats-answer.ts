import { JetStreamApiError } from '@nats-io/jetstream';
import { BrokerUnavailableError } from './errors.ts';

/**
 * Waits for the broker, at most `ms`, and not after the connection is `lost`: the client itself would wait on. Whatever
 * goes wrong is a `BrokerUnavailableError` with the cause.
 */
export async function answered<T>(answer: Promise<T>, ms: number, lost: AbortSignal): Promise<T> {
  const giveUp = Promise.withResolvers<never>();
  const onLost = (): void => giveUp.reject(new Error('the connection was lost'));
  const timer = setTimeout(() => giveUp.reject(new Error(`no answer within ${ms} ms`)), ms);
  lost.addEventListener('abort', onLost, { once: true });
  try {
    return await Promise.race([answer, giveUp.promise]);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BrokerUnavailableError(`NATS did not do it: ${reason}`, { cause });
  } finally {
    clearTimeout(timer);
    lost.removeEventListener('abort', onLost);
  }
}

/** True when JetStream has understood and says no: asking again is useless. */
export function isRefusal(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.status < 500;
}
