import type { Message } from '../messaging/message.ts';
import type { MysqlDatabase } from './mysql-database.ts';
import type { MysqlSession, SqlValue } from './mysql-session.ts';
import { FUTURE_MARK_MS, type Outbox } from './post-store.ts';
import { BACKLOG, backlogOf, messageOf, type BacklogRow, type OutboxRow } from './rows.ts';

/** The outbox, and the door through which the stores of the same database add to it. */
export interface MysqlOutbox extends Outbox {
  /** Adds messages in this order; call it in the transaction of the changes that they tell of. */
  append(session: MysqlSession, messages: readonly Message[]): Promise<void>;
  /** Call it after a commit that added these messages. */
  committed(messages: readonly Message[]): void;
}

const COLUMNS = 'position, id, topic, message_key, payload, metadata';
const MAX_IDS = 256;

/**
 * Rows that `forward` hands over are locked until they are marked, and passed over by all others, so any number of
 * processes may forward. Positions are given before the commit, so a row may show up behind later ones; those of one
 * post never do, because its row in `posts` is locked from the decision to the commit.
 */
export function mysqlOutbox(database: MysqlDatabase, clock: () => Date): MysqlOutbox {
  const listeners = new Set<Parameters<Outbox['onCommit']>[0]>();

  async function lock(session: MysqlSession, limit: number, republishBefore: Date | undefined): Promise<OutboxRow[]> {
    const ranges: [string, SqlValue[]][] = [['published_at IS NULL ORDER BY position', []]];
    if (republishBefore) {
      ranges.push(
        ['published_at < ? ORDER BY published_at, position', [republishBefore.getTime()]],
        ['published_at > ? ORDER BY published_at, position', [clock().getTime() + FUTURE_MARK_MS]],
      );
    }
    const rows: OutboxRow[] = [];
    for (const [range, values] of ranges) {
      const left = Math.trunc(limit) - rows.length;
      if (left <= 0) break;
      const sql = `SELECT ${COLUMNS} FROM outbox WHERE ${range} LIMIT ${left} FOR UPDATE SKIP LOCKED`;
      rows.push(...(await session.rows<OutboxRow>(sql, values)));
    }
    return rows.sort((a, b) => a.position - b.position);
  }

  return {
    async forward(limit, republishBefore, publish) {
      let handed = false;
      let failure: { readonly error: unknown } | undefined;
      const forwarded = await database.transaction(
        async (session) => {
          const rows = await lock(session, limit, republishBefore);
          if (rows.length === 0) return 0;
          handed = true;
          try {
            await publish(rows.map(messageOf));
          } catch (error) {
            failure = { error }; // the publisher's, not to be taken for one of the database
            return 0;
          }
          for (const some of chunks(rows.map(({ position }) => position))) {
            const sql = `UPDATE outbox SET published_at = ? WHERE position IN (${placeholders(some)})`;
            await session.run(sql, [clock().getTime(), ...some]);
          }
          return rows.length;
        },
        () => !handed,
      );
      if (failure) throw failure.error;
      return forwarded;
    },
    async confirm(messageIds) {
      for (const some of chunks(messageIds)) {
        await database.run(`DELETE FROM outbox WHERE id IN (${placeholders(some)})`, some);
      }
    },
    async backlog() {
      const [row] = await database.rows<BacklogRow>(BACKLOG);
      return backlogOf(row, clock());
    },
    onCommit(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async append(session, messages) {
      const now = clock().getTime();
      await session.run(
        `INSERT INTO outbox (id, topic, message_key, payload, metadata, created_at)
         VALUES ${messages.map(() => '(?, ?, ?, ?, ?, ?)').join(', ')}`,
        messages.flatMap(({ id, topic, key, payload, metadata }) => [
          id,
          topic,
          key,
          payload,
          JSON.stringify(metadata),
          now,
        ]),
      );
    },
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

function placeholders(values: readonly unknown[]): string {
  return values.map(() => '?').join(', ');
}
