import { existsSync } from 'node:fs';
import { pino } from 'pino';
import { ConfigError, readConfig, type Config } from '../config.ts';
import { dataFiles } from '../data-folder.ts';
import { PROGRESS_LINE_MS, progressOf } from '../progress.ts';
import { redactUrl } from '../service-urls.ts';
import { sparing } from '../sparing.ts';
import { openStores, type Stores } from './stores.ts';

export type Tool = {
  readonly config: Config;
  /** The arguments before the first that begins with `--`. */
  readonly words: readonly string[];
  /** Those of its flags that were given. */
  readonly flags: readonly string[];
  /** Opens both models, which are closed in the end. */
  open(): Promise<Stores>;
  /** Aborted by Ctrl+C. */
  readonly signal: AbortSignal;
  say(line: string): void;
  /** Shows how far it is and how long it will take: a line that is written over in a terminal, one every 5 s elsewhere. */
  progress(done: number, total: number): void;
};

export type ToolOptions = {
  /** Shown for `--help`, too. */
  readonly usage: string;
  /** Words after `--` that it takes besides the configuration's. */
  readonly flags?: readonly string[];
  /** What `progress` counts. Default: posts. */
  readonly things?: string;
  /** It works also where there is nothing yet. */
  readonly mayLack?: boolean;
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
export async function runTool(options: ToolOptions, run: (tool: Tool) => Promise<number>): Promise<never> {
  const { stdout, stderr } = process;
  const argv = process.argv.slice(2);
  if (argv.includes('--help') || argv.includes('-h')) {
    stdout.write(`${options.usage}\n`);
    return process.exit(EXIT.done);
  }
  const stopping = new AbortController();
  process.once('SIGINT', () => stopping.abort(new Error('Broken off.')));
  try {
    process.exit(await runOn(argv, options, run, stopping.signal));
  } catch (error) {
    const isUsage = error instanceof ConfigError || error instanceof UsageError;
    const text = error instanceof Error ? error.message : String(error);
    stderr.write(`${text}\n`);
    return process.exit(isUsage ? EXIT.usage : EXIT.failed);
  }
}

async function runOn(
  argv: readonly string[],
  { flags = [], things = 'posts', mayLack = false }: ToolOptions,
  run: (tool: Tool) => Promise<number>,
  signal: AbortSignal,
): Promise<number> {
  const isFlag = (argument: string) => flags.some((flag) => argument === `--${flag}`);
  const others = argv.filter((argument) => !isFlag(argument));
  const begin = others.findIndex((argument) => argument.startsWith('--'));
  const config = readConfig(process.env, begin < 0 ? [] : others.slice(begin), 'tool');
  if (!mayLack) mustExist(config);
  const { stdout, stderr } = process;
  stderr.write(`Working on ${nameOf(config)}\n`);
  await using opened = new AsyncDisposableStack();
  const say = progressOf(things);
  const tellLine = sparing(PROGRESS_LINE_MS, (_leftOut, line: string) => stderr.write(`${line}\n`));
  try {
    return await run({
      config,
      words: begin < 0 ? others : others.slice(0, begin),
      flags: argv.filter(isFlag).map((flag) => flag.slice(2)),
      async open() {
        const stores = await openStores({ ...config, logger: pino({ level: 'warn' }, pino.destination(2)), signal });
        opened.defer(() => stores.close());
        return stores;
      },
      signal,
      say: (line) => void stdout.write(`${line}\n`),
      progress(done, total) {
        const line = say(done, total);
        if (stderr.isTTY) stderr.write(`\r\x1b[K${line}`);
        else tellLine(line);
      },
    });
  } finally {
    if (stderr.isTTY) stderr.write('\r\x1b[K');
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
