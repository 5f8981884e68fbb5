import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { LogFile, NodeLogger } from 'electron-log';

/** What the main process logs with. */
export type Log = Pick<Console, 'debug' | 'info' | 'warn' | 'error'>;

export type LogsOptions = {
  /** That of `electron-log/node`: the one for Electron would open a channel that any page may write to. */
  readonly electronLog: Pick<NodeLogger, 'create'>;
  readonly directory: string;
  /** Also writes to the terminal. */
  readonly console: boolean;
};

export type Logs = {
  readonly directory: string;
  readonly main: Log;
  /** Takes the output of the server process as it comes. */
  readonly server: (chunk: string) => void;
};

/** A log file of this size, in bytes, is put aside; so many old ones are kept. */
export const MAX_LOG_SIZE = 2 * 1024 * 1024;
export const OLD_LOGS = 4;

/** Log files `main.log` and `server.log` in the directory, with rotation. */
export function createLogs({ electronLog, directory, console }: LogsOptions): Logs {
  const open = (name: string, format?: string): NodeLogger => {
    const log = electronLog.create({ logId: name });
    log.transports.file.resolvePathFn = () => join(directory, `${name}.log`);
    log.transports.file.maxSize = MAX_LOG_SIZE;
    log.transports.file.archiveLogFn = rotate;
    if (format !== undefined) log.transports.file.format = format;
    log.transports.file.level = 'info';
    log.transports.console.level = console ? 'info' : false;
    return log;
  };
  const server = open('server', '{text}');
  return {
    directory,
    main: open('main'),
    server: (chunk) => {
      for (const line of chunk.split('\n')) if (line.trim() !== '') server.info(line);
    },
  };
}

/** `main.log` → `main.1.log` → … → `main.4.log` → gone. */
export function rotate(file: Pick<LogFile, 'path'>): void {
  const name = (index: number) => (index === 0 ? file.path : file.path.replace(/\.log$/, `.${index}.log`));
  for (let index = OLD_LOGS - 1; index >= 0; index--) {
    if (existsSync(name(index))) renameSync(name(index), name(index + 1));
  }
}
