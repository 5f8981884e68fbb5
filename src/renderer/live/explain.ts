import type { Refusal } from './connection.ts';

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
    const retryAfterMs = parseRetryAfter(response.headers.get('retry-after'), Date.now());
    const body: unknown = await response.json().catch(() => undefined);
    return { status: response.status, retryAfterMs, refused: refusedStreams(body) };
  } finally {
    clearTimeout(timeout);
    abort.abort();
  }
}

/** `Retry-After` (RFC 9110, 10.2.3: seconds, or a date) in ms from `now`, an hour at the most. */
export function parseRetryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  const seconds = /^\s*\d+\s*$/.test(header);
  const ms = seconds ? Number(header) * 1_000 : /[a-z]/i.test(header) ? Date.parse(header) - now : NaN;
  return Number.isFinite(ms) && ms >= 0 ? Math.min(ms, 3_600_000) : undefined;
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
