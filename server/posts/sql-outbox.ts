import type { Message } from '../messaging/message.ts';
import { FUTURE_MARK_MS, type Outbox } from './post-store.ts';
import { BACKLOG, backlogOf, messageOf, type BacklogRow, type MessageRow } from './rows.ts';
import { rows, run, tuples, type SqlDatabase, type SqlValue, type Work } from './sql.ts';

/** The outbox, and the door through which the stores of the same database add to it. */
export interface SqlOutbox extends Outbox {
  /** Adds messages; do it in the transaction of the changes that they tell of. */
  append(messages: readonly Message[]): Work<void>;
  /** Removes messages. */
  remove(messageIds: readonly string[]): Work<void>;
  /** Call it after a commit that added these messages. */
  committed(messages: readonly Message[]): void;
}

const COLUMNS = 'id, topic, message_key, payload, metadata';
const MAX_IDS = 256;

/** Any number of processes may publish from it: a message that two of them publish is one to brokers and handlers. */
export function sqlOutbox(database: SqlDatabase): SqlOutbox {
  const listeners = new Set<Parameters<Outbox['onCommit']>[0]>();

  function* stale(limit: number, madeBefore: Date, publishedBefore: Date): Work<Message[]> {
    // Three scans of an index each; with OR it would be one of everything.
    const ranges: [string, SqlValue][] = [
      ['published_at IS NULL AND created_at < ? ORDER BY position', madeBefore.getTime()],
      ['published_at < ? ORDER BY published_at, position', publishedBefore.getTime()],
      ['published_at > ? ORDER BY published_at, position', Date.now() + FUTURE_MARK_MS],
    ];
    const found: MessageRow[] = [];
    for (const [range, bound] of ranges) {
      const left = Math.trunc(limit) - found.length;
      if (left <= 0) break;
      found.push(...(yield* rows<MessageRow>(`SELECT ${COLUMNS} FROM outbox WHERE ${range} LIMIT ${left}`, bound)));
    }
    return found.map(messageOf);
  }

  function* remove(messageIds: readonly string[]): Work<void> {
    for (const ids of chunks(messageIds)) yield* run(`DELETE FROM outbox WHERE id IN ${tuples(1, ids.length)}`, ...ids);
  }

  return {
    stale: (limit, { madeBefore, publishedBefore }) => database.read(() => stale(limit, madeBefore, publishedBefore)),
    markPublished: (messageIds) =>
      database.writeLazily(function* () {
        for (const ids of chunks(messageIds)) {
          const sql = `UPDATE outbox SET published_at = ? WHERE id IN ${tuples(1, ids.length)}`;
          yield* run(sql, Date.now(), ...ids);
        }
      }),
    async confirm(messageIds) {
      if (messageIds.length > 0) await database.writeLazily(() => remove(messageIds));
    },
    async backlog() {
      const [row] = await database.read(() => rows<BacklogRow>(BACKLOG));
      return backlogOf(row, new Date());
    },
    onCommit(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    *append(messages) {
      const now = Date.now();
      const values = messages.flatMap(({ id, topic, key, payload, metadata }) => [
        id,
        topic,
        key,
        payload,
        JSON.stringify(metadata),
        now,
      ]);
      yield* run(`INSERT INTO outbox (${COLUMNS}, created_at) VALUES ${tuples(messages.length, 6)}`, ...values);
    },
    remove,
    committed: (messages) => listeners.forEach((listener) => listener(messages)),
  };
}

/** Parts whose lengths are powers of two, so that few different statements are prepared; the last value fills up. */
function chunks<T>(values: readonly T[]): T[][] {
  const parts: T[][] = [];
  for (let from = 0; from < values.length; from += MAX_IDS) {
    const part = values.slice(from, from + MAX_IDS);
    const filler = part.at(-1) as T;
    while (!Number.isInteger(Math.log2(part.length))) part.push(filler);
    parts.push(part);
  }
  return parts;
}
