import { fork as forkChild, type ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { app } from './app.ts';

const PARENT_PORT = new URL('parent-port.ts', import.meta.url).href;

/** A child process of Node, in the place of Electron's utility process. */
class UtilityProcess
  extends EventEmitter
  implements Pick<Electron.UtilityProcess, 'pid' | 'stdout' | 'stderr' | 'postMessage' | 'kill'>
{
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    super();
    this.#child = child;
    child.on('spawn', () => this.emit('spawn'));
    child.on('message', (message) => this.emit('message', message));
    child.on('exit', (code) => this.emit('exit', code ?? 1));
  }

  get pid(): number | undefined {
    return this.#child.exitCode === null && this.#child.signalCode === null ? this.#child.pid : undefined;
  }

  get stdout() {
    return this.#child.stdout;
  }

  get stderr() {
    return this.#child.stderr;
  }

  postMessage(message: unknown): void {
    if (this.#child.connected) this.#child.send(message as object);
  }

  kill(): boolean {
    return this.#child.kill();
  }
}

export const utilityProcess = {
  fork: (path: string, args: string[] = [], { stdio = 'inherit' }: Electron.ForkOptions = {}) => {
    if (!app.isReady()) throw new Error('utilityProcess cannot be created before app is ready');
    const output = stdio === 'pipe' ? 'pipe' : 'inherit';
    const child = forkChild(path, args, {
      stdio: ['ignore', output, output, 'ipc'],
      execArgv: ['--import', PARENT_PORT],
      serialization: 'advanced',
    });
    return new UtilityProcess(child);
  },
} satisfies { fork: (...args: Parameters<typeof Electron.utilityProcess.fork>) => unknown };
