import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** The data folder can't be used; the message says why and what to do. */
export class DataFolderError extends Error {
  readonly code: 'IN_USE' | 'NOT_WRITABLE';
  override readonly name = 'DataFolderError';

  constructor(code: DataFolderError['code'], message: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

export type DataFolder = {
  /** The write model: posts, outbox, dead letters. */
  readonly writeFile: string;
  /** The read model, which can be made anew from the other. */
  readonly readFile: string;
  /** Gives the folder up. */
  release(): void;
};

/** How long, in ms, to wait for a server that is just ending. */
const WAIT_MS = 3_000;

/** The files of the embedded deployment, without the lock: for command line tools that work beside a server. */
export function dataFiles(directory: string): Omit<DataFolder, 'release'> {
  return { writeFile: join(directory, 'write.db'), readFile: join(directory, 'read.db') };
}

/**
 * Makes the folder if it is missing, and takes it for this process: two servers on one folder would each forward
 * the same events. The lock is one of SQLite's on a file of its own, so the system gives it back when the process
 * ends in whatever way. Throws {@link DataFolderError}.
 */
export function openDataFolder(directory: string): DataFolder {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const lock = new DatabaseSync(join(directory, 'lock.db'), { timeout: WAIT_MS });
    try {
      lock.exec('BEGIN EXCLUSIVE');
    } catch (error) {
      lock.close();
      throw error;
    }
    return { ...dataFiles(directory), release: () => lock.close() };
  } catch (error) {
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) {
      const message = `Another Tagwire is running on the data folder ${directory}. Use that one, or set DATA_DIR.`;
      throw new DataFolderError('IN_USE', message, error);
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new DataFolderError('NOT_WRITABLE', `The data folder ${directory} can't be used: ${reason}`, error);
  }
}

const SQLITE_BUSY = 5;
