import { DatabaseSync } from 'node:sqlite';

/* What SQLite says of a file, by its primary result codes (sqlite.org/rescode.html). */

/** Busy, locked, read-only, I/O error, full, can't open: the file can't be used now. */
const UNAVAILABLE_CODES = new Set([5, 6, 8, 10, 13, 14]);
/** Malformed; no database at all. */
const BROKEN_CODES = new Set([11, 26]);
/** Full; and a write that the system refused, as it does where a quota is used up. */
const FULL_CODES = new Set([13, 778]);
const CANT_OPEN = 14;

/** True for errors that say that the file can't be used, now or for good; not for mistakes in what was asked of it. */
export function isSqliteUnavailable(error: unknown): error is Error {
  const closed = error instanceof Error && (error as NodeJS.ErrnoException).code === 'ERR_INVALID_STATE';
  return closed || UNAVAILABLE_CODES.has(codeOf(error)) || isSqliteBroken(error);
}

/** True where the file holds what no SQLite wrote: waiting does not mend that. */
export function isSqliteBroken(error: unknown): boolean {
  return BROKEN_CODES.has(codeOf(error));
}

/** True where there is no room left on the disk, or none that we may take. */
export function isSqliteFull(error: unknown): boolean {
  return FULL_CODES.has(codeOf(error)) || FULL_CODES.has(extendedCodeOf(error));
}

/** True where the file is not there, or may not be opened. */
export function isSqliteGone(error: unknown): boolean {
  return codeOf(error) === CANT_OPEN;
}

/**
 * Reads the head of the file and of each of its tables, as one who just came would: an open connection goes on with what
 * it has in memory, whatever became of the file. Throws SQLite's error.
 */
export function lookAtSqliteFile(path: string): void {
  using fresh = new DatabaseSync(path, { readOnly: true, timeout: 1_000 });
  const tables = fresh.prepare(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' AND name NOT LIKE 'sqlite_%'",
  );
  for (const { name } of tables.all() as { name: string }[]) fresh.prepare(`SELECT 1 FROM "${name}" LIMIT 1`).get();
}

/** Reads the whole file, page by page. Throws SQLite's error, or what it found to be wrong. */
export function readWholeSqliteFile(path: string): void {
  using fresh = new DatabaseSync(path, { readOnly: true, timeout: 1_000 });
  const [first] = fresh.prepare('PRAGMA quick_check(1)').all() as { quick_check: string }[];
  if (first?.quick_check !== 'ok') {
    throw Object.assign(new Error(String(first?.quick_check).replaceAll('\n', ' ')), { errcode: 11 });
  }
}

/** The low byte of an extended result code is the primary one. */
function codeOf(error: unknown): number {
  const code = extendedCodeOf(error);
  return code < 0 ? code : code & 0xff;
}

function extendedCodeOf(error: unknown): number {
  return error instanceof Error ? ((error as Error & { errcode?: number }).errcode ?? -1) : -1;
}
