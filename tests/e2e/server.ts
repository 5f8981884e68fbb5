import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../services/ports.ts';
import { until } from '../wait.ts';

const STARTED_WITHIN_MS = 40_000;
const STOPPED_WITHIN_MS = 10_000;

/** A Tagwire server in a process of its own, on the embedded default, with a data folder and port that last. */
export type TestServer = AsyncDisposable & {
  readonly url: string;
  /** The id of the process that runs now. */
  readonly pid: number;
  readonly dataDir: string;
  /** SIGKILL: no chance to say good-bye. */
  kill(): Promise<void>;
  /** Starts again on the same port and data folder. */
  start(): Promise<void>;
  /** SIGSTOP and SIGCONT: it is there and does nothing, and the system takes connections for it. */
  pause(): void;
  resume(): void;
  /** SIGTERM, as an operator would; resolves with the exit code. */
  terminate(): Promise<number | null>;
  stop(): Promise<void>;
};

/** Starts a server and waits until it is ready. `env` goes on top of this process's environment. */
export async function startServer(env: Record<string, string> = {}): Promise<TestServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tagwire-e2e-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let child: ChildProcess | undefined;

  const start = async () => {
    const started = spawn(process.execPath, ['server/main.ts'], {
      env: { ...process.env, PORT: String(port), DATA_DIR: dataDir, LOG_LEVEL: 'warn', ...env },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    child = started;
    await until(async () => {
      if (started.exitCode !== null) throw new Error(`The server ended with code ${started.exitCode}.`);
      return (await fetch(`${url}/readyz`).catch(() => undefined))?.ok === true;
    }, STARTED_WITHIN_MS);
  };
  const end = async (signal: NodeJS.Signals) => {
    const ending = child;
    child = undefined;
    if (ending === undefined || ending.exitCode !== null) return ending?.exitCode ?? null;
    const ended = new Promise<number | null>((resolve) => ending.once('exit', resolve));
    ending.kill(signal);
    const limit = setTimeout(() => ending.kill('SIGKILL'), STOPPED_WITHIN_MS);
    const code = await ended;
    clearTimeout(limit);
    return code;
  };

  const stop = async () => {
    await end('SIGTERM');
    await rm(dataDir, { recursive: true, force: true });
  };
  await start();
  return {
    url,
    get pid() {
      if (child?.pid === undefined) throw new Error('The server does not run.');
      return child.pid;
    },
    dataDir,
    start,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    kill: async () => void (await end('SIGKILL')),
    terminate: () => end('SIGTERM'),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
