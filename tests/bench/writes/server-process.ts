import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { whenThisProcessEnds } from '../../services/own-process.ts';
import { freePort } from '../../services/ports.ts';
import { until } from '../../wait.ts';

/** A server in a process of its own, with figures about it. */
export type ServerProcess = AsyncDisposable & {
  readonly url: string;
  readonly pid: number;
  /** Seconds of CPU that it has used, in user and system mode. */
  cpuSeconds(): Promise<number>;
  /** Resolves when no event waits to be published or confirmed, with the time of day in ms at which that was so. */
  idle(): Promise<number>;
};

const ROOT = join(import.meta.dirname, '../../..');
const READY_WITHIN_MS = 120_000;
const IDLE_WITHIN_MS = 300_000;
const ENDED_WITHIN_MS = 15_000;

/**
 * Starts a script of the project in `folder`, and waits until it is ready. It ends with this process. Its log goes to `log`, else
 * to this process's output.
 */
export async function startServerProcess(
  script: string,
  env: Record<string, string>,
  folder = ROOT,
  log?: (text: Buffer) => void,
): Promise<ServerProcess> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(process.execPath, [...profiling(), script], {
    cwd: folder,
    env: { ...process.env, PORT: String(port), LOG_LEVEL: 'error', RATE_LIMIT_WRITES: '0', ALLOWED_HOSTS: '*', ...env },
    stdio: ['ignore', log ? 'pipe' : 'inherit', 'inherit'],
  });
  if (log) child.stdout?.on('data', log);
  const release = whenThisProcessEnds(() => child.kill('SIGKILL'));
  const exited = new Promise((resolve) => child.once('exit', resolve));

  const metrics = async (...names: string[]): Promise<number> => {
    const text = await (await fetch(`${url}/metrics`)).text();
    return names.reduce((sum, name) => sum + Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]), 0);
  };
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`${script} ended with ${child.exitCode}`);
    return (await fetch(`${url}/readyz`).catch(() => undefined))?.ok === true;
  }, READY_WITHIN_MS);
  return {
    url,
    pid: child.pid ?? 0,
    cpuSeconds: () => metrics('process_cpu_seconds_total'),
    async idle() {
      const isIdle = async () => (await metrics('tagwire_outbox_unpublished', 'tagwire_outbox_unconfirmed')) === 0;
      await until(isIdle, IDLE_WITHIN_MS);
      return performance.now();
    },
    async [Symbol.asyncDispose]() {
      release();
      child.kill('SIGTERM');
      const limit = setTimeout(() => child.kill('SIGKILL'), ENDED_WITHIN_MS);
      await exited;
      clearTimeout(limit);
    },
  };
}

/** `BENCH_PROF=folder` leaves a CPU profile of each server there. */
function profiling(): string[] {
  const folder = process.env['BENCH_PROF'];
  return folder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${folder}`];
}
