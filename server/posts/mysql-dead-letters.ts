import type { MysqlDatabase } from './mysql-database.ts';
import type { MysqlOutbox } from './mysql-outbox.ts';
import type { MysqlSession } from './mysql-session.ts';
import type { DeadLetters } from './post-store.ts';
import { deadLetterOf, type DeadLetterRow } from './rows.ts';

const COLUMNS = 'id, topic, message_key, payload, metadata, handler, reason, kept_at';

export function mysqlDeadLetters(database: MysqlDatabase, outbox: MysqlOutbox, ids: () => string): DeadLetters {
  async function find(session: MysqlSession, messageId: string, lock = '') {
    const [row] = await session.rows<DeadLetterRow>(`SELECT ${COLUMNS} FROM dead_letters WHERE id = ? ${lock}`, [
      messageId,
    ]);
    return row && deadLetterOf(row);
  }

  return {
    async keep({ message, handler, reason, at }) {
      const { id, topic, key, payload, metadata } = message;
      await database.transaction(async (session) => {
        await session.run(
          `INSERT INTO dead_letters (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE id = id`,
          [id, topic, key, payload, JSON.stringify(metadata), handler, reason, at],
        );
        await session.run('DELETE FROM outbox WHERE id = ?', [id]);
      });
    },
    async list(limit = 100) {
      const sql = `SELECT ${COLUMNS} FROM dead_letters ORDER BY kept_at DESC, id DESC LIMIT ${Math.trunc(limit)}`;
      return (await database.rows<DeadLetterRow>(sql)).map(deadLetterOf);
    },
    get: (messageId) => find(database, messageId),
    async replay(messageId) {
      const replayed = await database.transaction(async (session) => {
        const letter = await find(session, messageId, 'FOR UPDATE');
        if (!letter) return undefined;
        const message = { ...letter.message, id: ids() };
        await outbox.append(session, [message]);
        await session.run('DELETE FROM dead_letters WHERE id = ?', [messageId]);
        return message;
      });
      if (replayed) outbox.committed([replayed]);
      return replayed !== undefined;
    },
    async drop(messageId) {
      return (await database.run('DELETE FROM dead_letters WHERE id = ?', [messageId])) > 0;
    },
    async count() {
      const [row] = await database.rows<{ letters: number }>('SELECT COUNT(*) AS letters FROM dead_letters');
      return row?.letters ?? 0;
    },
  };
}
