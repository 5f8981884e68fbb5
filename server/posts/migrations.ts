/**
 * One step of a database's schema. Versions count up from 1 without gaps, and a step that was released is never
 * edited. Statements must be safe to run again after a crash in their middle where the database commits each
 * of them alone (MySQL's DDL): `CREATE TABLE IF NOT EXISTS` and the like.
 */
export type Migration = { readonly version: number; readonly name: string; readonly sql: readonly string[] };

/** What a database still has to go through. `current` is 0 for one that is new. */
export type MigrationPlan = {
  readonly current: number;
  readonly latest: number;
  readonly pending: readonly Migration[];
};

/** The database was written by a later release: this one must not touch it. */
export class DatabaseTooNew extends Error {
  readonly code = 'DATABASE_TOO_NEW';

  constructor(current: number, latest: number) {
    super(
      `The database has schema version ${current}, but this release of Tagwire knows only versions up to ${latest}. ` +
        'Start the newer release again, or restore the backup that was made before the upgrade.',
    );
  }
}

/** The steps from `current` to the last of `migrations`. Throws {@link DatabaseTooNew}. */
export function planMigrations(migrations: readonly Migration[], current: number): MigrationPlan {
  const latest = migrations.at(-1)?.version ?? 0;
  if (current > latest) throw new DatabaseTooNew(current, latest);
  return { current, latest, pending: migrations.filter(({ version }) => version > current) };
}
