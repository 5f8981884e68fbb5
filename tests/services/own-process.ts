import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, existsSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunningService, ServiceKind } from './service.ts';

export interface ProcessSpec {
  kind: ServiceKind;
  name: string;
  command: readonly [string, ...string[]];
  url: string;
  port: number;
  logFile: string;
  /** Removed by `stop` and when this process ends. */
  ownFolder: string;
  /** Resolves with the version once the service answers; rejects until then. */
  probe(): Promise<string>;
}

const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 15_000;
const SETPRIV = '/usr/bin/setpriv';

/** Starts a service as a child of this process, which it never outlives, and waits until it answers. */
export async function startProcess(spec: ProcessSpec): Promise<RunningService> {
  let child: ChildProcess | undefined;
  let version = '';

  const end = async (signal: NodeJS.Signals) => {
    const ending = child;
    if (!ending || hasEnded(ending)) return;
    const ended = new Promise<void>((resolve) => ending.once('exit', () => resolve()));
    ending.kill(signal);
    const timer = setTimeout(() => ending.kill('SIGKILL'), STOP_LIMIT_MS);
    await ended;
    clearTimeout(timer);
  };
  const launch = async () => {
    child = launchTied(spec);
    try {
      version = await untilItAnswers(spec, child);
    } catch (error) {
      await end('SIGKILL');
      throw error;
    }
  };
  const removeOwnFolder = () => rmSync(spec.ownFolder, { recursive: true, force: true });
  const release = whenThisProcessEnds(() => {
    child?.kill('SIGKILL');
    removeOwnFolder();
  });
  const stop = async () => {
    release();
    await end('SIGTERM');
    removeOwnFolder();
  };

  try {
    await launch();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    kind: spec.kind,
    name: spec.name,
    version,
    url: spec.url,
    port: spec.port,
    get pid() {
      return child && !hasEnded(child) ? child.pid : undefined;
    },
    kill: (signal = 'SIGKILL') => end(signal),
    restart: async () => {
      await end('SIGTERM');
      await launch();
    },
    stop,
  };
}

/** On Linux the kernel itself ends the child with its parent (prctl PR_SET_PDEATHSIG), even a parent that was SIGKILLed. */
function launchTied(spec: ProcessSpec): ChildProcess {
  const [program, ...args] = existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig', 'KILL', ...spec.command] : spec.command;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const log = createWriteStream(spec.logFile, { flags: 'a' });
  log.on('error', () => {}); // the folder may be gone before the last words
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  child.once('error', (error) => log.end(`${error.message}\n`));
  child.once('close', () => log.end());
  return child;
}

async function untilItAnswers(spec: ProcessSpec, child: ChildProcess): Promise<string> {
  const deadline = performance.now() + START_LIMIT_MS;
  let failure: unknown;
  while (performance.now() < deadline) {
    if (hasEnded(child)) {
      throw new Error(`${spec.name} ended while starting (${child.exitCode ?? child.signalCode})\n${lastWords(spec)}`);
    }
    try {
      return await spec.probe();
    } catch (error) {
      failure = error;
      await delay(50);
    }
  }
  throw new Error(`${spec.name} did not answer within ${START_LIMIT_MS / 1000} s\n${lastWords(spec)}`, {
    cause: failure,
  });
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

function lastWords(spec: ProcessSpec): string {
  return existsSync(spec.logFile) ? readFileSync(spec.logFile, 'utf8').trimEnd().split('\n').slice(-15).join('\n') : '';
}

/** Runs `cleanUp` at exit, SIGINT and SIGTERM; the function returned takes that back. */
export function whenThisProcessEnds(cleanUp: () => void): () => void {
  const signals = ['SIGINT', 'SIGTERM'] as const;
  const onSignal = (signal: NodeJS.Signals) => {
    cleanUp();
    release();
    // With our listener gone the signal does what it would have done without us.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  const release = () => {
    process.off('exit', cleanUp);
    for (const signal of signals) process.off(signal, onSignal);
  };
  process.once('exit', cleanUp);
  for (const signal of signals) process.on(signal, onSignal);
  return release;
}

/** Whether a process with this id exists, ours or another user's. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
