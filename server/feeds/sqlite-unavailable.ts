/** SQLite's primary result codes (sqlite.org/rescode.html) for busy, locked, read-only, I/O error, full, can't open. */
const UNAVAILABLE_CODES = new Set([5, 6, 8, 10, 13, 14]);

/** True for errors that say that the file can't be used now, or was closed; not for mistakes in what was asked of it. */
export function isSqliteUnavailable(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const { errcode, code } = error as Error & { errcode?: number; code?: string };
  // The low byte of an extended result code is the primary one.
  return code === 'ERR_INVALID_STATE' || (errcode !== undefined && UNAVAILABLE_CODES.has(errcode & 0xff));
}
