import type { DeadLetters } from './post-store.ts';
import { deadLetterOf, type DeadLetterRow } from './rows.ts';
import type { SqliteDatabase } from './sqlite-database.ts';
import type { SqliteOutbox } from './sqlite-outbox.ts';

const COLUMNS = 'id, topic, message_key, payload, metadata, handler, reason, kept_at';

export function sqliteDeadLetters(database: SqliteDatabase, outbox: SqliteOutbox, ids: () => string): DeadLetters {
  const { connection } = database;
  const insert = connection.prepare(
    `INSERT INTO dead_letters (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
  );
  const selectAll = connection.prepare(`SELECT ${COLUMNS} FROM dead_letters ORDER BY kept_at DESC, id DESC LIMIT ?`);
  const selectOne = connection.prepare(`SELECT ${COLUMNS} FROM dead_letters WHERE id = ?`);
  const remove = connection.prepare('DELETE FROM dead_letters WHERE id = ?');
  const selectCount = connection.prepare('SELECT count(*) AS letters FROM dead_letters');

  function find(messageId: string) {
    const row = selectOne.get(messageId) as DeadLetterRow | undefined;
    return row && deadLetterOf(row);
  }

  return {
    async keep({ message, handler, reason, at }) {
      const { id, topic, key, payload, metadata } = message;
      await database.write(() => {
        insert.run(id, topic, key, payload, JSON.stringify(metadata), handler, reason, at);
        outbox.remove([id]);
      });
    },
    async list(limit = 100) {
      return database.read(() => selectAll.all(limit) as DeadLetterRow[]).map(deadLetterOf);
    },
    async get(messageId) {
      return database.read(() => find(messageId));
    },
    async replay(messageId) {
      const replayed = await database.write(() => {
        const letter = find(messageId);
        if (!letter) return undefined;
        const message = { ...letter.message, id: ids() };
        outbox.append(message);
        remove.run(messageId);
        return message;
      });
      if (replayed) outbox.committed([replayed]);
      return replayed !== undefined;
    },
    async drop(messageId) {
      return database.write(() => Number(remove.run(messageId).changes) > 0);
    },
    async count() {
      return Number(database.read(() => selectCount.get())?.letters);
    },
  };
}
