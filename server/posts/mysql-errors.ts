import { kindOf, PermanentError } from '../messaging/errors.ts';
import { StoreConflict, StoreFull, StoreUnavailable } from './post-store.ts';

/** The database answers, but not to us: wrong credentials, or no such database. No waiting mends that. */
export class MysqlAccessRefused extends PermanentError {
  readonly code = 'MYSQL_ACCESS_REFUSED';
}

const ACCESS_REFUSED = new Set(['ER_ACCESS_DENIED_ERROR', 'ER_DBACCESS_DENIED_ERROR', 'ER_BAD_DB_ERROR']);

/** Errors of the server that say "not now": shutting down, too many connections, read-only (a replica)… */
const SERVER_UNAVAILABLE = new Set([
  'ER_SERVER_SHUTDOWN',
  'ER_NORMAL_SHUTDOWN',
  'ER_CON_COUNT_ERROR',
  'ER_TOO_MANY_USER_CONNECTIONS',
  'ER_ACCESS_DENIED_ERROR',
  'ER_DBACCESS_DENIED_ERROR',
  'ER_BAD_DB_ERROR',
  'ER_OPTION_PREVENTS_STATEMENT',
  'ER_QUERY_INTERRUPTED',
  'ER_CLIENT_INTERACTION_TIMEOUT',
  'ER_CANT_LOCK',
  'ER_NO_SUCH_THREAD',
  'ER_CONNECTION_KILLED',
]);

/** There is no room for rows, for what undoes them, or for what is sorted. */
const FULL = new Set([
  'ER_DISK_FULL',
  'ER_DISK_FULL_NOWAIT',
  'ER_RECORD_FILE_FULL',
  'ER_INNODB_UNDO_LOG_FULL',
  'ER_TEMP_FILE_WRITE_FAILURE',
]);

/** Errors at a file, which say why by the system's number alone. */
const FILE_ERRORS = new Set(['ER_ERROR_ON_WRITE', 'ER_CANT_CREATE_FILE', 'ER_GET_ERRNO']);
/** ENOSPC and EDQUOT, as MySQL and MariaDB write them. */
const NO_SPACE = /\b(?:errno:?|errcode:|error) (?:28|122)\b/i;

/** InnoDB undid a transaction because of others, or they have what it wanted to insert: run again, it may go otherwise. */
const CONFLICTS = new Set(['ER_LOCK_DEADLOCK', 'ER_LOCK_WAIT_TIMEOUT', 'ER_DUP_ENTRY']);

const CONNECTION_LOST = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'ETIMEDOUT',
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_PACKETS_OUT_OF_ORDER',
  'HANDSHAKE_NO_SSL_SUPPORT',
  'HANDSHAKE_SSL_ERROR',
]);

/** True where the connection is of no use any more, whatever became of the statement. */
export function isConnectionLost(error: unknown): boolean {
  const fatal = error instanceof Error && (error as Error & { fatal?: boolean }).fatal === true;
  return fatal || CONNECTION_LOST.has(codeOf(error)) || isClosedConnection(error);
}

/** True for the reason of {@link MysqlAccessRefused}. */
export function isAccessRefused(error: unknown): boolean {
  return ACCESS_REFUSED.has(codeOf(error));
}

/** The driver's error as one that says what it is (messaging/errors.ts); one whose reason nobody knows as it is. */
export function typed(error: unknown): unknown {
  if (kindOf(error) || !(error instanceof Error)) return error;
  if (CONFLICTS.has(codeOf(error))) return new StoreConflict(`Others were first: ${error.message}`, { cause: error });
  if (isFull(error)) return new StoreFull(`MySQL has no room left: ${error.message}.`, { cause: error });
  if (!isConnectionLost(error) && !SERVER_UNAVAILABLE.has(codeOf(error))) return error;
  return new StoreUnavailable(`MySQL does not answer: ${error.message || codeOf(error)}.`, { cause: error });
}

function isFull(error: Error): boolean {
  return FULL.has(codeOf(error)) || (FILE_ERRORS.has(codeOf(error)) && NO_SPACE.test(error.message));
}

/** mysql2 says these in words only. */
function isClosedConnection(error: unknown): boolean {
  return (
    error instanceof Error && /closed state|Pool is closed|Queue limit reached|Connection lost/.test(error.message)
  );
}

function codeOf(error: unknown): string {
  return error instanceof Error ? String((error as Error & { code?: unknown }).code ?? '') : '';
}
