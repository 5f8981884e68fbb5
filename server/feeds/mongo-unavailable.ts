import {
  MongoClientClosedError,
  MongoNetworkError,
  MongoNotConnectedError,
  MongoServerError,
  MongoServerSelectionError,
  MongoTopologyClosedError,
} from 'mongodb';

const SIGNS_OF_ABSENCE = [
  MongoNetworkError,
  MongoServerSelectionError,
  MongoNotConnectedError,
  MongoTopologyClosedError,
  MongoClientClosedError,
];

/** True for errors of the driver that say that there is no server to talk to now: absent, closing, or electing. */
export function isMongoUnavailable(error: unknown): error is Error {
  if (SIGNS_OF_ABSENCE.some((type) => error instanceof type)) return true;
  // A write to a connection that was just reset comes from the driver as Node's own error.
  if (error instanceof Error && 'syscall' in error) return true;
  return error instanceof MongoServerError && error.hasErrorLabel('RetryableWriteError');
}
