import { BrokerUnavailableError } from './errors.ts';

/** Waits at most `ms` for the broker; whatever goes wrong is a `BrokerUnavailableError` with the cause. */
export async function answered<T>(answer: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([answer, late]);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BrokerUnavailableError(`NATS did not do it: ${reason}`, { cause });
  } finally {
    clearTimeout(timer);
  }
}
