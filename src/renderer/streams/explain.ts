import { retryAfterMs } from '../../../contract/retry-after.ts';
import type { Refusal } from '../live/connection.ts';

/** Time for the answer, in ms. */
const TIMEOUT_MS = 10_000;

/**
 * Asks the URL that an EventSource could not open, for an EventSource hides status, headers and body. The answer
 * is a problem of RFC 9457; `errors` entries of field `stream` name the streams that are refused in `value`.
 * Throws when the network gives no answer.
 */
export async function explainByFetch(url: string): Promise<Refusal | undefined> {
  const abort = new AbortController();
  const timeout = setTimeout(() => abort.abort(), TIMEOUT_MS);
  try {
    const response = await fetch(url, { headers: { accept: 'text/event-stream' }, signal: abort.signal });
    if (response.ok) return undefined;
    const body: unknown = await response.json().catch(() => undefined);
    return { status: response.status, retryAfterMs: retryAfterMs(response.headers), refused: refusedStreams(body) };
  } finally {
    clearTimeout(timeout);
    abort.abort();
  }
}

function refusedStreams(body: unknown): Refusal['refused'] {
  const errors: unknown = (body as { errors?: unknown } | undefined)?.errors;
  if (!Array.isArray(errors)) return undefined;
  return errors.flatMap((error: { field?: unknown; value?: unknown; detail?: unknown } | null) =>
    error?.field === 'stream' && typeof error.value === 'string'
      ? [{ stream: error.value, detail: typeof error.detail === 'string' ? error.detail : 'The server refuses it.' }]
      : [],
  );
}
