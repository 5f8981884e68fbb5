import { appendFileSync } from 'node:fs';
import { join } from 'node:path';

/** What the servers said, in files of their own and summed up. */
export interface ServerLog {
  line(server: string, line: string): void;
  unexpectedExit(server: string, code: number | null, signal: NodeJS.Signals | null): void;
  /** The last lines of a server. */
  tail(server: string): string;
  /**
   * What must never be there: unhandled rejections and uncaught exceptions (the server logs them as fatal), exits that
   * nobody asked for, and whatever Node itself has to say on standard error, such as warnings of leaks.
   */
  readonly forbidden: readonly string[];
  /** How often each message of level `error` or above came: faults may cause them, but they should be few. */
  readonly errors: ReadonlyMap<string, number>;
}

const ERROR = 50;
const FATAL = 60;
const TAIL_LINES = 5;

export function serverLog(folder: string): ServerLog {
  const forbidden: string[] = [];
  const errors = new Map<string, number>();
  const tails = new Map<string, string[]>();
  return {
    forbidden,
    errors,
    line(server, line) {
      appendFileSync(join(folder, `${server}.log`), `${line}\n`);
      tails.set(server, [...(tails.get(server) ?? []).slice(1 - TAIL_LINES), line.slice(0, 500)]);
      const entry = parse(line);
      if (entry === undefined) forbidden.push(`${server}: ${line}`);
      else if (entry.level >= FATAL) forbidden.push(`${server}: ${entry.msg} ${entry.err?.message ?? ''}`);
      else if (entry.level >= ERROR) {
        const what = entry.err
          ? `${entry.msg}: ${entry.err.message?.split('\n', 1)[0]?.replaceAll(/[0-9a-f-]{8,}|\d+/g, '…')}`
          : entry.msg;
        errors.set(what, (errors.get(what) ?? 0) + 1);
      }
    },
    unexpectedExit: (server, code, signal) => forbidden.push(`${server} ended by itself (${code ?? signal})`),
    tail: (server) => (tails.get(server) ?? []).join('\n'),
  };
}

type Entry = { readonly level: number; readonly msg: string; readonly err?: { readonly message?: string } };

function parse(line: string): Entry | undefined {
  try {
    const entry = JSON.parse(line) as Partial<Entry> | null;
    return typeof entry?.level === 'number' ? { msg: '', ...entry, level: entry.level } : undefined;
  } catch {
    return undefined;
  }
}
