import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { whenThisProcessEnds } from '../services/own-process.ts';
import { freePort } from '../services/ports.ts';
import { partsDown } from './http.ts';
import type { Memory, Order } from './preload.ts';
import type { ServerLog } from './server-log.ts';
import { holdsWithin } from '../wait.ts';

/** A server process, `node server/main.ts`, that can be killed, paused and deceived. */
export interface ServerProcess {
  readonly name: string;
  readonly port: number;
  /** False while it is killed, stopped by a signal, or not ready yet. */
  readonly isUp: boolean;
  /** Starts it on its port, and resolves when it is ready; throws when it is not within a minute. */
  start(): Promise<void>;
  /** SIGKILL: no chance to say good-bye. Resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM: it drains its streams and ends. Resolves when it is gone. */
  shutDown(): Promise<void>;
  /** SIGSTOP: its connections stay open, and its leases run out. */
  pause(): void;
  /** SIGCONT: it goes on as if no time had passed. */
  resume(): void;
  /** How far its clock is to be from the true time. A new process begins with the true time. */
  stepClock(offsetMs: number): Promise<void>;
  memory(): Promise<Memory>;
  /** Kills it for good. */
  stop(): Promise<void>;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PRELOAD = new URL('./preload.ts', import.meta.url).href;
const SETPRIV = '/usr/bin/setpriv';
const READY_WITHIN_MS = 60_000;
const ANSWER_WITHIN_MS = 10_000;

export async function serverProcess(
  name: string,
  env: Readonly<Record<string, string>>,
  log: ServerLog,
): Promise<ServerProcess> {
  const port = await freePort();
  const answers = new Map<number, (answer: object) => void>();
  let child: ChildProcess | undefined;
  let isReady = false;
  let isPaused = false;
  let expectsExit = false;
  let commands = 0;

  const launch = () => {
    const command = ['--expose-gc', '--import', PRELOAD, 'server/main.ts'];
    // On Linux the kernel ends it with the harness, however that ends.
    const [program, ...args] = existsSync(SETPRIV)
      ? [SETPRIV, '--pdeathsig', 'KILL', process.execPath, ...command]
      : [process.execPath, ...command];
    const started = spawn(program, args, {
      cwd: ROOT,
      env: { ...process.env, PORT: String(port), HOST: '127.0.0.1', LOG_LEVEL: 'warn', ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    expectsExit = false;
    started.on('message', (answer: { id: number }) => answers.get(answer.id)?.(answer));
    started.once('exit', (code, signal) => {
      if (!expectsExit) log.unexpectedExit(name, code, signal);
      isReady = false;
    });
    createInterface({ input: started.stdout as Readable }).on('line', (line) => log.line(name, line));
    createInterface({ input: started.stderr as Readable }).on('line', (line) => log.line(name, line));
    return started;
  };
  const end = async (signal: NodeJS.Signals) => {
    const ending = child;
    child = undefined;
    isReady = false;
    isPaused = false;
    if (ending === undefined || hasEnded(ending)) return;
    expectsExit = true;
    const ended = new Promise<void>((resolve) => ending.once('exit', () => resolve()));
    ending.kill(signal);
    await ended;
  };
  const command = <Result extends object>(order: Order) =>
    new Promise<Result>((resolve, reject) => {
      const id = ++commands;
      const limit = setTimeout(() => finish(() => reject(new Error(`${name} did not answer`))), ANSWER_WITHIN_MS);
      const finish = (settle: () => void) => {
        clearTimeout(limit);
        answers.delete(id);
        settle();
      };
      answers.set(id, (answer) => finish(() => resolve(answer as Result)));
      child?.send({ id, ...order }, (error) => error && finish(() => reject(error)));
    });

  const release = whenThisProcessEnds(() => void child?.kill('SIGKILL'));
  return {
    name,
    port,
    get isUp() {
      return isReady && !isPaused;
    },
    async start() {
      const started = (child = launch());
      const ready = await holdsWithin(READY_WITHIN_MS, async () => {
        if (hasEnded(started)) throw new Error(`${name} ended while it was starting: ${log.tail(name)}`);
        return (await partsDown(port).catch(() => ['process'])) === undefined;
      });
      if (!ready) throw new Error(`${name} was not ready within ${READY_WITHIN_MS / 1000} s: ${log.tail(name)}`);
      isReady = true;
    },
    kill: () => end('SIGKILL'),
    shutDown: () => end('SIGTERM'),
    pause() {
      isPaused = true;
      child?.kill('SIGSTOP');
    },
    resume() {
      child?.kill('SIGCONT');
      isPaused = false;
    },
    stepClock: async (offsetMs) => void (await command({ kind: 'step-clock', offsetMs })),
    memory: () => command<Memory>({ kind: 'memory' }),
    async stop() {
      release();
      await end('SIGKILL');
    },
  };
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
