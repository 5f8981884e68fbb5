import type { ServerState } from '../../contract/shell.ts';
import { FromGateway, type ToGateway } from '../../contract/gateway.ts';
import type { Log } from './logs.ts';

/** A running server process: Electron's `UtilityProcess`, as far as it is used. */
export type ServerChild = {
  readonly pid: number | undefined;
  postMessage(message: ToGateway): void;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  on(event: 'exit', listener: (code: number) => void): unknown;
};

export type ServerProcessOptions = {
  readonly fork: () => ServerChild;
  /** Made at each start: profiles and sessions change meanwhile. */
  readonly startMessage: () => Extract<ToGateway, { type: 'start' }>;
  readonly onReady: (origin: string, port: number) => void;
  readonly onMessage: (message: FromGateway) => void;
  readonly onState: (state: ServerState) => void;
  readonly log: Log;
};

/** After so many deaths in a row, each within {@link HEALTHY_MS} of its start, the user is told. */
export const DEATHS_TO_TELL = 4;
/** A server that lived for so long, in ms, was healthy: its death is a first one again. */
export const HEALTHY_MS = 60_000;
const FIRST_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 30_000;
/** A server that is told to stop has this long, in ms, before it is killed; it gives its streams 1 s itself. */
export const STOP_MS = 2500;

/**
 * Keeps the server process alive: starts it, starts it again with back-off (0.5, 1, 2 … 30 s) when it dies, tells
 * when it keeps dying, and stops it cleanly.
 */
export class ServerProcess {
  readonly #options: ServerProcessOptions;
  #child: ServerChild | undefined;
  #state: ServerState = { kind: 'stopped' };
  #startedAt = 0;
  #deaths = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopping = false;
  /** Why the process said that it can't start; it is not started again by itself then. */
  #refusal: string | undefined;
  #exited: Promise<void> = Promise.resolve();

  constructor(options: ServerProcessOptions) {
    this.#options = options;
  }

  get state(): ServerState {
    return this.#state;
  }

  start(): void {
    clearTimeout(this.#timer);
    if (this.#child !== undefined || this.#stopping) return;
    this.#refusal = undefined;
    this.#startedAt = performance.now();
    if (this.#state.kind === 'stopped') this.#setState({ kind: 'starting' });
    const child = this.#options.fork();
    this.#child = child;
    child.on('message', (message) => this.#onMessage(message));
    this.#exited = new Promise((resolve) => {
      child.on('exit', (code) => {
        if (this.#child === child) this.#child = undefined;
        resolve();
        this.#onExit(code);
      });
    });
    child.postMessage(this.#options.startMessage());
  }

  /** Tells the server something; nothing happens while it is down, for it learns all of it at its next start. */
  send(message: ToGateway): void {
    this.#child?.postMessage(message);
  }

  /** The user asks for a new try, whatever the back-off says. */
  restart(): void {
    this.#deaths = 0;
    if (this.#child === undefined) this.start();
    else kill(this.#child);
  }

  /** Stops it for good: politely first, then by force. Resolves when it is gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    const child = this.#child;
    if (child !== undefined) {
      child.postMessage({ type: 'stop' });
      const timer = setTimeout(() => {
        this.#options.log.warn('the server did not stop in time and is killed');
        kill(child);
      }, STOP_MS);
      await this.#exited;
      clearTimeout(timer);
    }
    this.#setState({ kind: 'stopped' });
  }

  #onMessage(raw: unknown): void {
    const message = FromGateway.parse(raw);
    if (message.type === 'ready') {
      this.#setState({ kind: 'running', ...(this.#child?.pid !== undefined && { pid: this.#child.pid }) });
      this.#options.onReady(message.origin, message.port);
    } else if (message.type === 'failed') {
      this.#refusal = message.reason;
    }
    this.#options.onMessage(message);
  }

  #onExit(code: number): void {
    if (this.#stopping) return;
    if (this.#refusal !== undefined) {
      this.#options.log.error(`the server cannot start: ${this.#refusal}`);
      return this.#setState({ kind: 'failing', detail: this.#refusal });
    }
    if (performance.now() - this.#startedAt > HEALTHY_MS) this.#deaths = 0;
    this.#deaths++;
    const ms = Math.min(FIRST_BACKOFF_MS * 2 ** (this.#deaths - 1), MAX_BACKOFF_MS);
    this.#options.log.error(`the server process ended with code ${code}; it is started again in ${ms} ms`);
    const detail = `The server inside the app stopped ${this.#deaths} times in a row (exit code ${code}).`;
    this.#setState(this.#deaths >= DEATHS_TO_TELL ? { kind: 'failing', detail } : { kind: 'restarting' });
    this.#timer = setTimeout(() => this.start(), ms);
  }

  #setState(state: ServerState): void {
    this.#state = state;
    this.#options.onState(state);
  }
}

/**
 * Ends the process, whatever state it is in: one that is stopped (SIGSTOP, a debugger) does not hear a polite signal, and
 * nothing is lost, for what it has accepted is on disk.
 */
function kill(child: ServerChild): void {
  try {
    if (child.pid !== undefined) process.kill(child.pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}
