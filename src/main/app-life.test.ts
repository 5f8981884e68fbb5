import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SHUTDOWN_MS, governAppLife } from './app-life.ts';
import { fakeLog } from './testing.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('the app', () => {
  it('remembers its windows before they close, and stops the server before it ends', async () => {
    const { app, save, shutDown } = make();
    app.emit('before-quit');
    expect(save).toHaveBeenCalled();
    const event = { preventDefault: vi.fn() };
    app.emit('will-quit', event);
    expect(event.preventDefault).toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(0);
    expect(shutDown).toHaveBeenCalledBefore(app.exit);
    expect(app.exit).toHaveBeenCalledWith(0);
  });

  it('ends within five seconds whatever hangs', async () => {
    const { app } = make({ shutDown: () => new Promise<void>(() => undefined) });
    app.emit('will-quit', { preventDefault: vi.fn() });
    await vi.advanceTimersByTimeAsync(SHUTDOWN_MS);
    expect(SHUTDOWN_MS).toBeLessThan(5000);
    expect(app.exit).toHaveBeenCalledWith(0);
  });

  it('ends even when stopping fails', async () => {
    const { app } = make({ shutDown: () => Promise.reject(new Error('no')) });
    app.emit('will-quit', { preventDefault: vi.fn() });
    await vi.advanceTimersByTimeAsync(0);
    expect(app.exit).toHaveBeenCalledWith(0);
  });

  it.each([
    ['linux', false, 1],
    ['linux', true, 0],
    ['darwin', false, 0],
  ] as const)('on %s, with the tray %s, its last window closed, quits %i times', (platform, staysInTray, quits) => {
    const { app } = make({ platform, staysInTray: () => staysInTray });
    app.emit('window-all-closed');
    expect(app.quit).toHaveBeenCalledTimes(quits);
  });
});

function make(change: Partial<Parameters<typeof governAppLife>[0]> = {}) {
  const app = Object.assign(new EventEmitter(), { quit: vi.fn(), exit: vi.fn() });
  const [save, shutDown, activate] = [vi.fn(), vi.fn(() => Promise.resolve()), vi.fn()];
  const platform = 'linux' as const;
  governAppLife({
    app: app as never,
    platform,
    staysInTray: () => false,
    activate,
    save,
    shutDown,
    log: fakeLog(),
    ...change,
  });
  return { app, save, shutDown, activate };
}
