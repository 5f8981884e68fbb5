import type { ClientSession, Document, MongoClient, Timestamp } from 'mongodb';
import type { Logger } from 'pino';
import { ConflictError } from '../messaging/errors.ts';
import { retry } from '../messaging/retry.ts';
import { isMongoConflict } from './mongo-errors.ts';

export type MongoSessions = {
  /**
   * Does what `write` does in this session as a whole or not at all, on disk with a majority before it resolves. It is
   * done again, after a short while, where others wrote to the same documents meanwhile.
   */
  transaction<T>(write: (session: ClientSession) => Promise<T>): Promise<T>;
  /**
   * All reads of `read` in this session see one moment, and nothing that a failover may take back: were it seen, its
   * version would come again and stand for another state.
   */
  snapshot<T>(read: (session: ClientSession) => Promise<T>): Promise<T>;
  /** Likewise, of the latest moment that `snapshot` has seen: what a member that lags gives then is no older. */
  latestSnapshot<T>(read: (session: ClientSession) => Promise<T>): Promise<T>;
};

/** The driver keeps the moment of a snapshot session in a property that it does not declare, and goes on from one that is set. */
type SnapshotSession = ClientSession & { snapshotTime?: Timestamp };

/** Waits are about as long as a transaction takes. */
const SOON = { initialMs: 3, maxMs: 6 };
/** Who finds the same documents taken for so long looks for a transaction that nobody will end. */
const ABANDONED_MS = 1_500;
/** A moment can't be read while a collection is being made. */
const MAX_SNAPSHOTS = 20;

export function mongoSessions(client: MongoClient, logger: Logger): MongoSessions {
  async function transaction<T>(write: (session: ClientSession) => Promise<T>): Promise<T> {
    let lookedAt = performance.now();
    const onRetry = () => {
      if (performance.now() - lookedAt < ABANDONED_MS) return;
      lookedAt = performance.now();
      void endAbandoned(client, logger);
    };
    return retry(() => attempt(write), { ...SOON, maxOutages: 1, onRetry });
  }

  async function attempt<T>(write: (session: ClientSession) => Promise<T>): Promise<T> {
    await using session = client.startSession();
    try {
      session.startTransaction({ readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority' } });
      const result = await write(session);
      if (session.inTransaction()) await session.commitTransaction();
      return result;
    } catch (error) {
      if (session.inTransaction()) await session.abortTransaction(); // never rejects
      throw isMongoConflict(error) ? conflict(error) : error;
    }
  }

  let latest: Timestamp | undefined;

  function readOf<T>(moment: () => Timestamp | undefined, read: (session: ClientSession) => Promise<T>): Promise<T> {
    const once = async () => {
      await using session: SnapshotSession = client.startSession({ snapshot: true });
      session.snapshotTime = moment();
      const result = await read(session).catch((error: unknown) => {
        throw isMongoConflict(error) ? conflict(error) : error;
      });
      const { snapshotTime } = session;
      if (snapshotTime !== undefined && (latest === undefined || snapshotTime.greaterThan(latest)))
        latest = snapshotTime;
      return result;
    };
    return retry(once, { ...SOON, maxOutages: 1, maxConflicts: MAX_SNAPSHOTS });
  }

  return {
    transaction,
    snapshot: (read) => readOf(() => undefined, read),
    latestSnapshot: (read) => readOf(() => latest, read),
  };
}

function conflict(error: unknown): ConflictError {
  return new ConflictError(`Others are at the same documents: ${String(error)}`, { cause: error });
}

/**
 * A process that dies or is paused amid a transaction leaves it open, and what it wrote to can't be written to until the
 * server gives it up, after a minute. So whoever waits for it ends it: should its process wake up, it begins anew.
 */
async function endAbandoned(client: MongoClient, logger: Logger): Promise<void> {
  const { appName } = client.options;
  const idle = { type: 'idleSession', appName, 'transaction.timeInactiveMicros': { $gt: ABANDONED_MS * 1000 } };
  try {
    const admin = client.db('admin');
    const sessions = await admin
      .aggregate<{ lsid: Document }>([{ $currentOp: { allUsers: false, idleSessions: true } }, { $match: idle }])
      .toArray();
    if (sessions.length === 0) return;
    logger.warn({ transactions: sessions.length }, 'Ending transactions that their processes have left open');
    await admin.command({ killSessions: sessions.map(({ lsid }) => ({ id: lsid['id'] as unknown })) });
  } catch (err) {
    logger.warn({ err }, 'Could not look for transactions that were left open');
  }
}
