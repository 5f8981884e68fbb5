import { spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { ServerState } from '../../contract/shell.ts';
import { DEATHS_TO_TELL, HEALTHY_MS, STOP_MS, ServerProcess, type ServerChild } from './server-process.ts';
import { tellOfServerTrouble } from './server-trouble.ts';
import { fakeLog } from './testing.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('the server process', () => {
  it('is told how to start, and says when it is ready', () => {
    const { server, child, states, onReady } = make();
    server.start();
    expect(child().sent).toEqual([expect.objectContaining({ type: 'start' })]);
    child().ready();
    expect(onReady).toHaveBeenCalledWith('http://127.0.0.1:4000', 4000);
    expect(states()).toEqual(['starting', 'running']);
  });

  it('is started again when it dies, after ever longer waits', () => {
    const { server, forks } = make();
    server.start();
    for (const [deaths, ms] of [500, 1000, 2000, 4000].entries()) {
      forks.at(-1)?.die();
      vi.advanceTimersByTime(ms - 1);
      expect(forks).toHaveLength(deaths + 1);
      vi.advanceTimersByTime(1);
      expect(forks).toHaveLength(deaths + 2);
    }
  });

  it('tells when it keeps dying, and goes on trying', () => {
    const { server, forks, states } = make();
    server.start();
    for (let death = 1; death <= DEATHS_TO_TELL; death++) {
      forks.at(-1)?.die();
      expect(states().at(-1)).toBe(death < DEATHS_TO_TELL ? 'restarting' : 'failing');
      vi.advanceTimersByTime(30_000);
    }
    expect(forks).toHaveLength(DEATHS_TO_TELL + 1);
  });

  it('begins with the shortest wait again after it was healthy', () => {
    const { server, forks } = make();
    server.start();
    for (let death = 0; death < 3; death++) {
      forks.at(-1)?.die();
      vi.advanceTimersByTime(30_000);
    }
    vi.advanceTimersByTime(HEALTHY_MS);
    forks.at(-1)?.die();
    vi.advanceTimersByTime(500);
    expect(forks).toHaveLength(5);
  });

  it('is not started again by itself when it says that it cannot start', () => {
    const { server, child, forks, states, last } = make();
    server.start();
    child().emit('message', { type: 'failed', reason: 'The folder is in use.' });
    child().die();
    vi.advanceTimersByTime(60_000);
    expect(forks).toHaveLength(1);
    expect(states().at(-1)).toBe('failing');
    expect(last()).toMatchObject({ detail: 'The folder is in use.' });
    server.restart();
    expect(forks).toHaveLength(2);
  });

  it('stops politely', async () => {
    const { server, child, forks } = make();
    server.start();
    child().ready();
    const stopped = server.stop();
    expect(child().sent.at(-1)).toEqual({ type: 'stop' });
    child().die(0);
    await stopped;
    vi.advanceTimersByTime(60_000);
    expect(forks).toHaveLength(1);
  });

  it('is ended by force when it does not stop in time, though it be stopped itself', async () => {
    const { server, stubborn } = makeStubborn();
    server.start();
    stubborn.kill('SIGSTOP');
    const stopped = server.stop();
    await vi.advanceTimersByTimeAsync(STOP_MS);
    await stopped;
    expect(stubborn.signalCode).toBe('SIGKILL');
  });

  it('is not started by a timer that was running when the app quit', async () => {
    const { server, child, forks } = make();
    server.start();
    child().die();
    await server.stop();
    vi.advanceTimersByTime(60_000);
    expect(forks).toHaveLength(1);
  });
});

describe('a server that keeps dying', () => {
  it.each([
    [0, 'restart'],
    [1, 'showLogs'],
    [2, 'quit'],
  ] as const)('is shown once, with a choice: button %i', async (response, chosen) => {
    const called = { restart: vi.fn(), showLogs: vi.fn(), quit: vi.fn() };
    const showMessageBox = vi.fn(() => Promise.resolve({ response, checkboxChecked: false }));
    const tell = tellOfServerTrouble({ dialog: { showMessageBox } as never, ...called });
    await Promise.all([tell({ kind: 'failing', detail: 'It died.' }), tell({ kind: 'failing', detail: 'Again.' })]);
    await tell({ kind: 'running' });
    expect(showMessageBox).toHaveBeenCalledOnce();
    expect(called[chosen]).toHaveBeenCalledOnce();
  });
});

class Child extends EventEmitter {
  readonly pid = undefined;
  readonly sent: unknown[] = [];

  postMessage(message: unknown): void {
    this.sent.push(message);
  }

  ready(): void {
    this.emit('message', { type: 'ready', origin: 'http://127.0.0.1:4000', port: 4000 });
  }

  die(code = 1): void {
    this.emit('exit', code);
  }
}

/** A real process that heeds nothing it is told. */
function makeStubborn() {
  const stubborn = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  onTestFinished(() => void stubborn.kill('SIGKILL'));
  const child = Object.assign(stubborn, { postMessage: () => undefined }) as unknown as ServerChild;
  return { ...make(() => child), stubborn };
}

function make(fork?: () => ServerChild) {
  const forks: Child[] = [];
  const onState = vi.fn<(state: ServerState) => void>();
  const onReady = vi.fn();
  const server = new ServerProcess({
    fork:
      fork ??
      (() => {
        const child = new Child();
        forks.push(child);
        return child;
      }),
    startMessage: () => ({
      type: 'start',
      port: 0,
      secret: 's'.repeat(32),
      dataDir: '/data',
      rendererDir: '/renderer',
      version: '1.0.0',
      profiles: [],
      sessions: {},
      followed: {},
    }),
    onReady,
    onMessage: () => undefined,
    onState,
    log: fakeLog(),
  });
  const child = () => {
    const [first] = forks;
    if (first === undefined) throw new Error('Nothing was forked.');
    return first;
  };
  const states = () => onState.mock.calls.map(([{ kind }]) => kind);
  return { server, forks, child, onReady, states, last: () => onState.mock.calls.at(-1)?.[0] };
}
