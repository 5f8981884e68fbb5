import type { DeadLetter } from '../messaging/dead-letter.ts';
import type { DeadLetters } from './post-store.ts';
import { deadLetterOf, type DeadLetterRow } from './rows.ts';
import type { SqlOutbox } from './sql-outbox.ts';
import { rows, run, tuples, type SqlDatabase, type Work } from './sql.ts';

const COLUMNS = 'id, topic, message_key, payload, metadata, handler, reason, kept_at';

export function sqlDeadLetters(database: SqlDatabase, outbox: SqlOutbox, ids: () => string): DeadLetters {
  const { forUpdate, keepFirst } = database.dialect;

  function* find(messageId: string, lock = ''): Work<DeadLetter | undefined> {
    const sql = `SELECT ${COLUMNS} FROM dead_letters WHERE id = ? ${lock}`;
    const [row] = yield* rows<DeadLetterRow>(sql, messageId);
    return row && deadLetterOf(row);
  }

  return {
    keep: ({ message, handler, reason, at }) =>
      database.write(function* () {
        const { id, topic, key, payload, metadata } = message;
        const sql = `INSERT INTO dead_letters (${COLUMNS}) VALUES ${tuples(1, 8)} ${keepFirst}`;
        yield* run(sql, id, topic, key, payload, JSON.stringify(metadata), handler, reason, at);
        yield* outbox.remove([id]);
      }),
    async list(limit = 100) {
      const sql = `SELECT ${COLUMNS} FROM dead_letters ORDER BY kept_at DESC, id DESC LIMIT ${Math.trunc(limit)}`;
      return (await database.read(() => rows<DeadLetterRow>(sql))).map(deadLetterOf);
    },
    get: (messageId) => database.read(() => find(messageId)),
    async replay(messageId) {
      const replayed = await database.write(function* () {
        const letter = yield* find(messageId, forUpdate);
        if (!letter) return undefined;
        const message = { ...letter.message, id: ids() };
        yield* outbox.append([message]);
        yield* run('DELETE FROM dead_letters WHERE id = ?', messageId);
        return message;
      });
      if (replayed) outbox.committed([replayed]);
      return replayed !== undefined;
    },
    async drop(messageId) {
      return (await database.write(() => run('DELETE FROM dead_letters WHERE id = ?', messageId))) > 0;
    },
    async count() {
      const [row] = await database.read(() =>
        rows<{ letters: number }>('SELECT COUNT(*) AS letters FROM dead_letters'),
      );
      return Number(row?.letters);
    },
  };
}
