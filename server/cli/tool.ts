import { existsSync } from 'node:fs';
import { pino } from 'pino';
import { ConfigError, readConfig, type Config } from '../config.ts';
import { dataFiles } from '../data-folder.ts';
import { redactUrl } from '../service-urls.ts';
import { openStores, type Stores } from './stores.ts';

export type Tool = Stores & {
  readonly config: Config;
  /** The arguments before the first that begins with `--`. */
  readonly words: readonly string[];
  /** Aborted by Ctrl+C. */
  readonly signal: AbortSignal;
  say(line: string): void;
  /** Shows how far it is: one line that is written over in a terminal, nothing elsewhere. */
  progress(line: string): void;
};

/** The tool was called in a wrong way; the message shows how it is to be called. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What a tool ends with: it did what it is for; it found something wrong, or failed; it was called wrongly. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const;

/**
 * Runs a command line tool on the stores that the environment names, like a server (`--data-dir` too), and ends the
 * process with the code that `run` gives back.
 */
export async function runTool(run: (tool: Tool) => Promise<number>): Promise<never> {
  const stopping = new AbortController();
  process.once('SIGINT', () => stopping.abort(new Error('Broken off.')));
  const { stderr } = process;
  try {
    process.exit(await withStores(run, stopping.signal));
  } catch (error) {
    const isUsage = error instanceof ConfigError || error instanceof UsageError;
    const text = error instanceof Error ? error.message : String(error);
    stderr.write(`${text}\n`);
    return process.exit(isUsage ? EXIT.usage : EXIT.failed);
  }
}

async function withStores(run: (tool: Tool) => Promise<number>, signal: AbortSignal): Promise<number> {
  const argv = process.argv.slice(2);
  const options = argv.findIndex((argument) => argument.startsWith('--'));
  const words = options < 0 ? argv : argv.slice(0, options);
  const config = readConfig(process.env, options < 0 ? [] : argv.slice(options), 'tool');
  mustExist(config);
  process.stderr.write(`Working on ${nameOf(config)}\n`);
  const stores = await openStores({ ...config, logger: pino({ level: 'warn' }, pino.destination(2)), signal });
  try {
    const { stdout, stderr } = process;
    return await run({
      ...stores,
      config,
      words,
      signal,
      say: (line) => void stdout.write(`${line}\n`),
      progress: (line) => stderr.isTTY && stderr.write(`\r\x1b[K${line}`),
    });
  } finally {
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
    await stores.close();
  }
}

/** A tool makes no data folder: one that is not there is one that was misspelt. */
function mustExist({ services, dataDir }: Config): void {
  if (services !== undefined || existsSync(dataFiles(dataDir).writeFile)) return;
  throw new UsageError(`There is no Tagwire data in ${dataDir}. Set DATA_DIR, or --data-dir, to where it is.`);
}

function nameOf({ services, dataDir }: Config): string {
  return services === undefined ? dataDir : `${redactUrl(services.mysql)} and ${redactUrl(services.mongo)}`;
}
