import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { lock } from 'proper-lockfile';

const STEP_LIMIT_MS = 20 * 60_000;
const NETWORK_TROUBLE =
  /timed? ?out|ECONN|EAI_AGAIN|temporary failure|could not (resolve|connect|transfer)|failed to fetch|connection (reset|refused)|unexpected eof|handshake|\b50[234]\b/i;

/** The folder, per user, that keeps what test runs installed, so that a fresh clone need not do it again. */
export function cacheFolder(): string {
  return process.env.TAGWIRE_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tagwire');
}

/**
 * The folder `name` of the cache, filled by `fill` if it is not there yet. Several processes may ask at once: one fills,
 * the others wait. A folder is moved into place when it is whole, so a run that was interrupted leaves nothing half-done.
 */
export async function cached(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cacheFolder(), name);
  if (existsSync(folder)) return folder;
  await mkdir(cacheFolder(), { recursive: true });
  const unlock = await lock(folder, { realpath: false, stale: 20_000, retries: { retries: 2400, factor: 1 } });
  try {
    if (existsSync(folder)) return folder;
    const partial = `${folder}.partial`;
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial);
    await installStep(name, () => fill(partial));
    await rename(partial, folder);
    return folder;
  } finally {
    await unlock();
  }
}

/** Announces the step in one line, is quiet while it works, and tries once more after trouble with the network. */
export async function installStep(what: string, step: () => Promise<void>): Promise<void> {
  const start = performance.now();
  console.error(`services: installing ${what} …`);
  try {
    await step();
  } catch (error) {
    if (!NETWORK_TROUBLE.test(String(error))) throw error;
    console.error(`services: trying ${what} once more (${String(error).split('\n', 1)[0]})`);
    await step();
  }
  console.error(`services: installed ${what} in ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

/** Runs a command and gives what it printed; rejects with its last lines. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { input, env, ...rest } = options;
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      { timeout: STEP_LIMIT_MS, maxBuffer: 64 * 1024 * 1024, env: { ...process.env, ...env }, ...rest },
      (error, stdout, stderr) => {
        if (!error) resolve(stdout);
        else
          reject(
            new Error(`${program} ${args.join(' ')} failed\n${lastLines(`${stdout}\n${stderr}`)}`, { cause: error }),
          );
      },
    );
    child.stdin?.on('error', () => {}); // it may end before it has read all
    child.stdin?.end(input);
  });
}

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  input?: string;
  timeout?: number;
}

/** Full path of the first of these programs that is on PATH. */
export function onPath(...programs: string[]): string | undefined {
  for (const program of programs) {
    for (const folder of (process.env.PATH ?? '').split(delimiter)) {
      const path = join(folder, program);
      if (folder && existsSync(path)) return path;
    }
  }
  return undefined;
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-15).join('\n');
}
