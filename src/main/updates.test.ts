import { EventEmitter } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { fakeLog } from './testing.ts';
import { Updates } from './updates.ts';

describe('updates', () => {
  it('are downloaded, and wait for the restart', () => {
    const { updater, updates } = make();
    updater.emit('update-available', { version: '2.0.0' });
    updater.emit('download-progress', { percent: 41.7 });
    expect(updates.state).toEqual({ kind: 'downloading', version: '2.0.0', percent: 42 });
    updater.emit('update-downloaded', { version: '2.0.0' });
    expect(updates.state).toEqual({ kind: 'ready', version: '2.0.0' });
    expect(updater.quitAndInstall).not.toHaveBeenCalled();
    expect(updater).toMatchObject({ autoDownload: true, autoInstallOnAppQuit: true });
  });

  it('restart the app only when the user asks', async () => {
    const { updater, updates, beforeRestart } = make();
    await updates.restart();
    expect(updater.quitAndInstall).not.toHaveBeenCalled();
    updater.emit('update-downloaded', { version: '2.0.0' });
    await updates.restart();
    expect(beforeRestart).toHaveBeenCalledBefore(updater.quitAndInstall);
    expect(updater.quitAndInstall).toHaveBeenCalledOnce();
  });

  it.each([
    [false, 0],
    [true, 1],
  ])('ask before they restart over unsent text: %s', async (answer, restarts) => {
    const { updater, updates, confirmRestart } = make({ isTyping: true, answer });
    updater.emit('update-downloaded', { version: '2.0.0' });
    await updates.restart();
    expect(confirmRestart).toHaveBeenCalledOnce();
    expect(updater.quitAndInstall).toHaveBeenCalledTimes(restarts);
  });

  it('that are ready stay ready when a later check fails', () => {
    const { updater, updates } = make();
    updater.emit('update-downloaded', { version: '2.0.0' });
    updater.emit('error', new Error('offline'));
    expect(updates.state).toEqual({ kind: 'ready', version: '2.0.0' });
  });

  it('say why a check failed', async () => {
    const { updater, updates } = make();
    updater.checkForUpdates.mockImplementation(() => {
      updater.emit('error', new Error('offline'));
      return Promise.reject(new Error('offline'));
    });
    await updates.check();
    expect(updates.state).toEqual({ kind: 'failed', reason: 'offline' });
  });

  it('are not there for a copy that runs from its source', async () => {
    const updates = new Updates({ ...options(), updater: undefined, unavailable: 'from source' });
    await updates.check();
    expect(updates.state).toEqual({ kind: 'unavailable', reason: 'from source' });
  });
});

function options({ isTyping = false, answer = true } = {}) {
  return {
    unavailable: '',
    enabled: () => true,
    isTyping: () => isTyping,
    confirmRestart: vi.fn(() => Promise.resolve(answer)),
    beforeRestart: vi.fn(() => Promise.resolve()),
    onState: vi.fn(),
    log: fakeLog(),
  };
}

function make(given: Parameters<typeof options>[0] = {}) {
  const updater = Object.assign(new EventEmitter(), {
    checkForUpdates: vi.fn(() => Promise.resolve(null)),
    quitAndInstall: vi.fn(),
  });
  const all = options(given);
  return { updater, updates: new Updates({ ...all, updater: updater as never }), ...all };
}
