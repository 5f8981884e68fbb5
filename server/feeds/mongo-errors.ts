import {
  MongoClientClosedError,
  MongoExpiredSessionError,
  MongoNetworkError,
  MongoNotConnectedError,
  MongoOperationTimeoutError,
  MongoServerSelectionError,
  MongoTopologyClosedError,
} from 'mongodb';

/** What the driver says when there is no server to talk to, or none that answers. */
const SIGNS_OF_ABSENCE = [
  MongoNetworkError,
  MongoServerSelectionError,
  MongoNotConnectedError,
  MongoTopologyClosedError,
  MongoClientClosedError,
  MongoOperationTimeoutError,
  MongoExpiredSessionError, // its client was closed meanwhile
];
/** The driver does not export its class. */
const POOL_EXHAUSTED = 'MongoWaitQueueTimeoutError';

/** Codes of the server that say of itself, not of what was asked: not now. */
const NOT_NOW = new Set([
  // its network
  6, // HostUnreachable
  7, // HostNotFound
  89, // NetworkTimeout
  202, // NetworkInterfaceExceededTimeLimit
  9001, // SocketException
  // shutting down, stepping down, electing, starting
  91, // ShutdownInProgress
  11600, // InterruptedAtShutdown
  11602, // InterruptedDueToReplStateChange
  189, // PrimarySteppedDown
  10107, // NotWritablePrimary
  10058, // NotWritablePrimary of old servers
  13435, // NotPrimaryNoSecondaryOk
  13436, // NotPrimaryOrSecondary
  94, // NotYetInitialized
  211, // KeyNotFound: no signing key yet
  // no majority, or none in time
  64, // WriteConcernFailed
  100, // UnsatisfiableWriteConcern
  133, // FailedToSatisfyReadPreference
  134, // ReadConcernMajorityNotAvailableYet
  // too slow, or ended by its operator
  215, // DatabaseDropPending
  50, // MaxTimeMSExpired
  262, // ExceededTimeLimit
  11601, // Interrupted
  43, // CursorNotFound
  175, // QueryPlanKilled
  237, // CursorKilled
  279, // ClientDisconnect
  290, // TransactionExceededLifetimeLimitSeconds
  // full
  39, // FileStreamFailed
  14031, // OutOfDiskSpace
  146, // ExceededMemoryLimit
  208, // TooManyLogicalSessions
  384, // ConnectionPoolExpired
  462, // IngressRequestRateLimitExceeded
]);

const DUPLICATE_KEY = 11_000;

/** Codes that say that others were at the same documents, collections or sessions. */
const CONFLICTS = new Set([
  24, // LockTimeout
  112, // WriteConflict
  117, // ConflictingOperationInProgress
  225, // TransactionTooOld
  239, // SnapshotTooOld
  246, // SnapshotUnavailable
  251, // NoSuchTransaction
  DUPLICATE_KEY, // somebody else has made it
]);

/** How deep the driver hides what happened. */
const MAX_DEPTH = 5;

/** True where an error, or what it carries, says that the database is away, closing, electing, cut off, silent or full. */
export function isMongoOutage(error: unknown): error is Error {
  return error instanceof Error && within(error, saysOutage);
}

/** Codes of the server that say that it does not know who we are; the driver calls that an outage of the connection. */
const ACCESS_REFUSED = new Set([
  18, // AuthenticationFailed
  8000, // AtlasError: the same
]);

/** True where the user or the password is wrong. */
export function isMongoAccessRefused(error: unknown): boolean {
  return within(error, ({ code }) => ACCESS_REFUSED.has(Number(code)));
}

/** True where trying again at once may do. */
export function isMongoConflict(error: unknown): boolean {
  return !isMongoOutage(error) && within(error, ({ code }) => CONFLICTS.has(Number(code)));
}

/** True where a document was to be made that is there already. */
export function isDuplicate(error: unknown): boolean {
  return within(error, ({ code }) => code === DUPLICATE_KEY);
}

type Reason = { code?: unknown; name?: unknown; syscall?: unknown; errorLabels?: unknown };

function saysOutage(reason: Reason): boolean {
  if (SIGNS_OF_ABSENCE.some((type) => reason instanceof type) || reason.name === POOL_EXHAUSTED) return true;
  // A write to a connection that was just reset comes from the driver as Node's own error.
  if (typeof reason.syscall === 'string') return true;
  const labels = Array.isArray(reason.errorLabels) ? reason.errorLabels : [];
  return NOT_NOW.has(Number(reason.code)) || labels.some((label) => OUTAGE_LABELS.has(String(label)));
}

const OUTAGE_LABELS = new Set(['RetryableWriteError', 'RetryableError', 'ResetPool', 'SystemOverloadedError']);

/**
 * Looks at an error and at all that the driver wraps: a connection lost during a bulk is the `errorResponse` of the bulk's
 * error, a write that has no majority its `writeConcernError`, and so on.
 */
function within(error: unknown, says: (reason: Reason) => boolean, depth = 0): boolean {
  if (typeof error !== 'object' || error === null || depth > MAX_DEPTH) return false;
  if (says(error)) return true;
  const { cause, errorResponse, writeErrors, writeConcernError, result, err, errors, reason } = error as Wrapping;
  const inner = [cause, errorResponse, writeConcernError, result, err, reason, writeErrors, errors].flat();
  return inner.some((each) => within(each, says, depth + 1));
}

type Wrapping = Partial<
  Record<
    'cause' | 'errorResponse' | 'writeErrors' | 'writeConcernError' | 'result' | 'err' | 'errors' | 'reason',
    unknown
  >
>;
