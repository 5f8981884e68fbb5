import { kindOf } from './errors.ts';

/** When to try again, and how often. By default outages and conflicts are waited out, and nothing else is tried again. */
export type RetryOptions = BackOff & {
  /** Attempts that may fail with an error that says nothing of its kind. Default 1. */
  readonly maxAttempts?: number | undefined;
  /** Attempts that may fail with a conflict. Default: any number. */
  readonly maxConflicts?: number | undefined;
  /** Attempts that may fail with an outage. Default: any number. */
  readonly maxOutages?: number | undefined;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
  /** Told before each wait: of what failed, how often that was, and how long the wait is. */
  readonly onRetry?: ((error: unknown, tried: number, waitMs: number) => void) | undefined;
};

export type BackOff = {
  /** The wait after the first attempt; each further one is twice as long. Default 100 ms. */
  readonly initialMs?: number | undefined;
  /** Bound of the wait. Default 10,000 ms. */
  readonly maxMs?: number | undefined;
};

/** Each wait, the bound too, is spread by so much to either side, so that many who fail together come back one by one. */
const JITTER = 0.25;
/** What a timer takes at most; with more it would go off at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Does `work` until it succeeds, as long as the kind of its errors (errors.ts) lets it. Rejects with the last error where
 * there is no other try: it is permanent, or one too many of its kind, or the signal is aborted. An error may ask for
 * a longer wait by a number `retryAfterMs`. `attempt` counts from 1.
 */
export async function retry<T>(work: (attempt: number) => Promise<T>, options: RetryOptions = {}): Promise<T> {
  const { maxAttempts = 1, maxConflicts = Infinity, maxOutages = Infinity, signal, onRetry } = options;
  const left = { outage: maxOutages, conflict: maxConflicts, permanent: 1, unknown: maxAttempts };
  signal?.throwIfAborted();
  for (let tried = 1; ; tried += 1) {
    try {
      return await work(tried);
    } catch (error) {
      left[kindOf(error) ?? 'unknown'] -= 1;
      if (left[kindOf(error) ?? 'unknown'] <= 0 || signal?.aborted) throw error;
      const waitMs = Math.max(backOff(tried, options), retryAfterOf(error));
      onRetry?.(error, tried, waitMs);
      await wait(waitMs, signal).catch(() => {
        throw error;
      });
    }
  }
}

/** The wait in ms after the `tried`th attempt (1, 2, ...). */
export function backOff(tried: number, { initialMs = 100, maxMs = 10_000 }: BackOff = {}): number {
  const waitMs = Math.min(maxMs, initialMs * 2 ** Math.min(tried - 1, 30));
  return Math.round(waitMs * (1 + JITTER * (2 * Math.random() - 1)));
}

/** Resolves after `ms`, and rejects with the signal's reason as soon as that is aborted. */
export function wait(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const end = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(
      () => {
        signal?.removeEventListener('abort', end);
        resolve();
      },
      Math.min(ms, MAX_TIMER_MS),
    );
    signal?.addEventListener('abort', end, { once: true });
  });
}

/** The wait in ms that an error asks for; 0 where it does not. */
export function retryAfterOf(error: unknown): number {
  const { retryAfterMs } = Object(error) as { retryAfterMs?: unknown };
  return typeof retryAfterMs === 'number' && retryAfterMs > 0 ? retryAfterMs : 0;
}
