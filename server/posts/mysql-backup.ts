import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { createConnection as createRaw, type RowDataPacket } from 'mysql2';
import { pino } from 'pino';
import { BackupError, makeBackupFile, mustBeBackup, TABLES, type BackupOptions } from './backup-file.ts';
import { openMysqlPosts } from './mysql-post-store.ts';
import { parseMysqlUrl } from './mysql-url.ts';
import { openSqlitePosts } from './sqlite-post-store.ts';

export type RestoreOptions = Omit<BackupOptions, 'signal'> & { readonly replace: boolean };

type Row = Readonly<Record<string, SQLInputValue>>;

/** Rows that are put in by one statement: some 20 MB of the largest posts, which MySQL takes in one packet. */
const ROWS = 200;
const logger = pino({ level: 'silent' });

/** Copies all tables as they are at one moment: one transaction that sees nothing of what is committed meanwhile. */
export function backUpMysql(url: string, { file, signal, progress }: BackupOptions): Promise<number> {
  return makeBackupFile(file, async (partial) => {
    await openSqlitePosts({ path: partial, logger }).close(); // makes the tables
    using target = new DatabaseSync(partial);
    target.exec('PRAGMA journal_mode = DELETE; PRAGMA foreign_keys = OFF; BEGIN');
    await using mysql = await connected(url);
    await mysql.run('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
    await mysql.run('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
    const total = await mysql.countAll();
    let done = 0;
    for (const table of TABLES) {
      const columns = columnsOf(target, table);
      const places = columns.map(() => '?').join(', ');
      const insert = target.prepare(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places})`);
      for await (const row of mysql.rows(`SELECT ${columns.join(', ')} FROM ${table}`)) {
        insert.run(...columns.map((column) => row[column] ?? null));
        done += 1;
        if (done % ROWS > 0) continue;
        signal.throwIfAborted();
        progress(done, total);
      }
    }
    target.exec('COMMIT');
  });
}

/**
 * Puts the backup into a database, whose tables are made if need be, in one transaction. Gives back how many posts those are.
 * Throws `BackupError` where there are posts and `replace` does not say that they may go.
 */
export async function restoreMysql(url: string, { file, replace, progress }: RestoreOptions): Promise<number> {
  const posts = mustBeBackup(file);
  const made = await openMysqlPosts({ url, logger });
  const present = await made.store.count();
  await made.close();
  if (present > 0 && !replace) {
    throw new BackupError(`There are ${present} posts in MySQL already; with --replace they are deleted first.`);
  }
  using source = new DatabaseSync(file, { readOnly: true });
  const countOf = (table: string) => Number(source.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.['n']);
  const total = TABLES.reduce((sum, table) => sum + countOf(table), 0);
  let done = 0;
  await using mysql = await connected(url);
  await mysql.run('START TRANSACTION');
  for (const table of TABLES.toReversed()) await mysql.run(`DELETE FROM ${table}`);
  for (const table of TABLES) {
    const columns = columnsOf(source, table);
    for (const rows of inGroups(source.prepare(`SELECT * FROM ${table}`).iterate() as Iterable<Row>)) {
      const values = rows.map((row) => columns.map((column) => row[column]));
      await mysql.run(`INSERT INTO ${table} (${columns.join(', ')}) VALUES ?`, [values]);
      progress((done += rows.length), total);
    }
  }
  await mysql.run('COMMIT');
  return posts;
}

async function connected(url: string) {
  const { options } = parseMysqlUrl(url);
  const raw = createRaw({ ...options, charset: 'utf8mb4' });
  const connection = raw.promise();
  await connection.connect();
  return {
    run: async (sql: string, values: unknown[] = []) => void (await connection.query(sql, values)),
    /** One after the other, so that no table has to fit into memory. */
    rows: (sql: string) => raw.query(sql).stream() as AsyncIterable<Row>,
    async countAll(): Promise<number> {
      const counts = TABLES.map((table) => `(SELECT COUNT(*) FROM ${table})`).join(' + ');
      const [rows] = await connection.query<RowDataPacket[]>(`SELECT ${counts} AS n`);
      return Number(rows[0]?.['n']);
    },
    [Symbol.asyncDispose]: () => connection.end(),
  };
}

function columnsOf(database: DatabaseSync, table: string): string[] {
  return database
    .prepare(`SELECT name FROM pragma_table_info('${table}')`)
    .all()
    .map(({ name }) => String(name));
}

function* inGroups(rows: Iterable<Row>): Generator<Row[]> {
  let group: Row[] = [];
  for (const row of rows) {
    group.push(row);
    if (group.length < ROWS) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}
