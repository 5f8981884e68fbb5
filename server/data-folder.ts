import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isSqliteBroken, isSqliteUnavailable, readWholeSqliteFile } from './posts/sqlite-file.ts';

/** The data folder can't be used; the message says why and what to do. */
export class DataFolderError extends Error {
  readonly code: 'IN_USE' | 'NOT_WRITABLE' | 'BROKEN';
  override readonly name = 'DataFolderError';

  constructor(code: DataFolderError['code'], message: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** The files of the embedded deployment. */
export type DataFiles = {
  /** The write model: posts, outbox, dead letters. */
  readonly writeFile: string;
  /** The read model, which can be made anew from the other. */
  readonly readFile: string;
  /** Where copies of the write model are kept. */
  readonly backups: string;
};

export type DataFolder = DataFiles & {
  /** Gives the folder up. */
  release(): void;
};

/** How long, in ms, to wait for a server or a tool that is just ending. */
const WAIT_MS = 3_000;
/** Other users of the machine have no business with the posts. */
const PRIVATE = 0o600;
const SQLITE_BUSY = 5;

/** The files without the lock: for command line tools that work beside a server. */
export function dataFiles(directory: string): DataFiles {
  return {
    writeFile: join(directory, 'write.db'),
    readFile: join(directory, 'read.db'),
    backups: join(directory, 'backups'),
  };
}

/**
 * Makes the folder if it is missing, and takes it for this process: two servers on one folder would each forward
 * the same events. Locks are SQLite's own, so the system gives them back when the process ends in whatever way. Throws
 * {@link DataFolderError}; where the posts can't be read only unless `evenBroken`.
 */
export function openDataFolder(directory: string, { evenBroken = false } = {}): DataFolder {
  const files = dataFiles(directory);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const lockFile = join(directory, 'lock.db');
    if (!evenBroken && sizeOf(files.writeFile) === 0 && sizeOf(files.readFile) > 0) {
      throw brokenWriteModel(directory, new Error('it is gone, and only what was made from it is left'));
    }
    for (const file of [lockFile, files.writeFile, files.readFile]) makePrivate(file);
    const lock = new DatabaseSync(lockFile, { timeout: WAIT_MS });
    try {
      lock.exec('BEGIN EXCLUSIVE');
      mustBeUnused(files.writeFile);
    } catch (error) {
      if (!evenBroken || !isSqliteBroken(error)) {
        lock.close();
        throw error;
      }
    }
    return { ...files, release: () => lock.close() };
  } catch (error) {
    if (error instanceof DataFolderError) throw error;
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) {
      const message = `Another Tagwire is running on the data folder ${directory}. Use that one, or set DATA_DIR.`;
      throw new DataFolderError('IN_USE', message, error);
    }
    if (isSqliteBroken(error)) throw brokenWriteModel(directory, error);
    const reason = error instanceof Error ? error.message : String(error);
    throw new DataFolderError('NOT_WRITABLE', `The data folder ${directory} can't be used: ${reason}`, error);
  }
}

/** Reads all of the posts' file. Throws a {@link DataFolderError} that names the newest backup where it is broken. */
export function mustBeWhole(directory: string): void {
  const { writeFile } = dataFiles(directory);
  if (!existsSync(writeFile)) return;
  try {
    readWholeSqliteFile(writeFile);
  } catch (error) {
    if (!isSqliteUnavailable(error)) throw error;
    if (isSqliteBroken(error)) throw brokenWriteModel(directory, error);
    throw new DataFolderError('NOT_WRITABLE', `The posts in ${writeFile} can't be read: ${error.message}`, error);
  }
}

/**
 * A lock file can be deleted under its owner, and another one is then free. The posts' file can't be without the posts
 * going too: nobody may have it open. (Tools hold it for as long as they work.)
 */
function mustBeUnused(writeFile: string): void {
  using alone = new DatabaseSync(writeFile, { timeout: WAIT_MS });
  alone.exec('PRAGMA locking_mode = EXCLUSIVE');
  alone.prepare('SELECT count(*) FROM sqlite_schema').get();
}

/** Files that SQLite adds beside one get its mode. */
function makePrivate(file: string): void {
  closeSync(openSync(file, 'a', PRIVATE));
  for (const each of [file, `${file}-wal`, `${file}-shm`]) {
    const mode = statSync(each, { throwIfNoEntry: false })?.mode;
    if (mode !== undefined && (mode & 0o077) !== 0) chmodSync(each, PRIVATE);
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function brokenWriteModel(directory: string, error: unknown): DataFolderError {
  const { writeFile, backups } = dataFiles(directory);
  const newest = newestBackup(backups);
  const advice =
    newest === undefined
      ? `There is no backup in ${backups}; bring one back with npm run restore -- FILE.`
      : `The newest backup is ${newest}; npm run restore -- ${newest} brings it back.`;
  const reason = error instanceof Error ? error.message : String(error);
  return new DataFolderError('BROKEN', `The posts in ${writeFile} can't be read: ${reason}. ${advice}`, error);
}

/** The copy that was made last, before an upgrade or by `npm run backup`. */
function newestBackup(directory: string): string | undefined {
  const names = existsSync(directory) ? readdirSync(directory).filter((name) => name.endsWith('.db')) : [];
  const made = (name: string) => statSync(join(directory, name)).mtimeMs;
  const [newest] = names.toSorted((a, b) => made(b) - made(a));
  return newest === undefined ? undefined : join(directory, newest);
}
