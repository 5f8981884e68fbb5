import type { Message } from '../messaging/message.ts';
import { FUTURE_MARK_MS, type Outbox } from './post-store.ts';
import { BACKLOG, backlogOf, messageOf, type BacklogRow, type OutboxRow } from './rows.ts';
import type { SqliteDatabase } from './sqlite-database.ts';

/** The outbox, and the door through which the stores of the same file add to it. */
export interface SqliteOutbox extends Outbox {
  /** Adds a message; call it inside the transaction of the change that it tells of. */
  append(message: Message): void;
  /** Removes messages; call it inside a transaction. */
  remove(messageIds: string[]): void;
  /** Call it after a commit that added these messages. */
  committed(messages: readonly Message[]): void;
}

const COLUMNS = 'position, id, topic, message_key, payload, metadata';

/**
 * SQLite has no row locks, so rows under way are kept in memory: one process may forward from a file, with any
 * number of overlapping calls. Marks and confirmations do not wait for the disk: one that a power cut undoes means
 * that an event is published again, which changes nothing.
 */
export function sqliteOutbox(database: SqliteDatabase, clock: () => Date): SqliteOutbox {
  const { connection } = database;
  const insert = connection.prepare(
    'INSERT INTO outbox (id, topic, message_key, payload, metadata, created_at) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const selectUnpublished = connection.prepare(
    `SELECT ${COLUMNS} FROM outbox WHERE published_at IS NULL AND position NOT IN (SELECT value FROM json_each(?))
     ORDER BY position LIMIT ?`,
  );
  // Marked long ago, or by a clock that has been set back since. Two range scans; with OR it would be a full one.
  const selectStale = ['published_at < ?', 'published_at > ?'].map((range) =>
    connection.prepare(
      `SELECT ${COLUMNS} FROM outbox WHERE ${range} AND position NOT IN (SELECT value FROM json_each(?))
       ORDER BY published_at, position LIMIT ?`,
    ),
  );
  const mark = connection.prepare('UPDATE outbox SET published_at = ? WHERE position = ?');
  const removeOne = connection.prepare('DELETE FROM outbox WHERE id = ?');
  const selectBacklog = connection.prepare(BACKLOG);
  const underWay = new Set<number>();
  const listeners = new Set<Parameters<Outbox['onCommit']>[0]>();

  function claim(limit: number, republishBefore: Date | undefined): OutboxRow[] {
    const taken = JSON.stringify([...underWay]);
    const rows = selectUnpublished.all(taken, limit) as OutboxRow[];
    const bounds = republishBefore ? [republishBefore.getTime(), clock().getTime() + FUTURE_MARK_MS] : [];
    for (const [index, bound] of bounds.entries()) {
      const left = limit - rows.length;
      if (left > 0) rows.push(...((selectStale[index]?.all(bound, taken, left) ?? []) as OutboxRow[]));
    }
    for (const { position } of rows) underWay.add(position);
    return rows.sort((a, b) => a.position - b.position);
  }

  function remove(messageIds: string[]): void {
    for (const id of messageIds) removeOne.run(id);
  }

  return {
    async forward(limit, republishBefore, publish) {
      const rows = database.read(() => claim(limit, republishBefore));
      if (rows.length === 0) return 0;
      try {
        await publish(rows.map(messageOf));
        const at = clock().getTime();
        database.writeLazily(() => rows.forEach(({ position }) => mark.run(at, position)));
      } finally {
        for (const { position } of rows) underWay.delete(position);
      }
      return rows.length;
    },
    async confirm(messageIds) {
      if (messageIds.length > 0) database.writeLazily(() => remove(messageIds));
    },
    async backlog() {
      return backlogOf(
        database.read(() => selectBacklog.get() as BacklogRow | undefined),
        clock(),
      );
    },
    onCommit(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    append: ({ id, topic, key, payload, metadata }) => {
      insert.run(id, topic, key, payload, JSON.stringify(metadata), clock().getTime());
    },
    remove,
    committed: (messages) => listeners.forEach((listener) => listener(messages)),
  };
}
