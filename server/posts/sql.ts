/*
 * What the write model asks of a database, so that one text of it serves SQLite, which answers at once, and MySQL, which
 * answers later: work is a generator that yields statements and is given what they gave.
 */

/** A value of a statement. mysql2 sends numbers as DOUBLE, which MySQL refuses in LIMIT: write that into the SQL. */
export type SqlValue = string | number | null;

export type Statement = {
  readonly sql: string;
  readonly values: readonly SqlValue[];
  /** Its rows, or the number of rows that were inserted, deleted or found to be updated. */
  readonly gives: 'rows' | 'count';
};

/** Ask by `yield* rows(…)` and `yield* run(…)`. It may be begun again from its start, where others had to go first. */
export type Work<T> = Generator<Statement, T, unknown>;

/** Throws `StoreUnavailable` where the database can't be reached, and is back when that is. */
export interface SqlDatabase {
  /**
   * All of it in one durable transaction. Begins again where others had to go first, at most `maxConflicts` times, then
   * throws `StoreConflict`. A connection that is lost during COMMIT throws `StoreUnavailable`: nobody knows whether it was
   * committed.
   */
  write<T>(work: () => Work<T>, maxConflicts?: number): Promise<T>;
  /** Statements each of which may stand alone, and be undone by a power cut. */
  writeLazily<T>(work: () => Work<T>): Promise<T>;
  read<T>(work: () => Work<T>): Promise<T>;
  /** Throws where the database does not answer, or can't take a write now. */
  check(): Promise<void>;
  /** Ends what is under way. */
  close(): Promise<void>;
  readonly dialect: Dialect;
}

/** What the two say in different words. */
export type Dialect = {
  /** After a SELECT: nobody else changes these rows before the transaction ends. */
  readonly forUpdate: string;
  /** After an INSERT: a row whose id is there already stays as it is. */
  readonly keepFirst: string;
};

export function* rows<Row>(sql: string, ...values: SqlValue[]): Work<Row[]> {
  return (yield { sql, values, gives: 'rows' }) as Row[];
}

export function* run(sql: string, ...values: SqlValue[]): Work<number> {
  return (yield { sql, values, gives: 'count' }) as number;
}

/** `(?, ?), (?, ?)` for two rows of two values. */
export function tuples(rows: number, values: number): string {
  return Array(rows)
    .fill(`(${Array(values).fill('?').join(', ')})`)
    .join(', ');
}
