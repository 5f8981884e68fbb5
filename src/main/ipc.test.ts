import { describe, expect, it, vi } from 'vitest';
import { ShellCalls, type ShellCall } from '../../contract/shell.ts';
import { registerIpc, type ShellHandlers } from './ipc.ts';
import { fakeLog } from './testing.ts';

const ORIGIN = 'http://127.0.0.1:4000';

describe('a call of the bridge', () => {
  it('is answered when it comes from the page of one of our windows', async () => {
    const { invoke, handlers, window } = make();
    await invoke('profiles.rename', ['team', 'The team']);
    expect(handlers['profiles.rename']).toHaveBeenCalledWith(window, 'team', 'The team');
  });

  it.each([
    ['a frame within the page', { frame: { url: `${ORIGIN}/p/local/` } }],
    ['a page of another origin', { url: 'https://evil.example/p/local/' }],
    ['what a server sent, shown as a page', { url: `${ORIGIN}/p/local/api/feeds` }],
    ['a frame that is gone', { frame: null }],
    ['a window that is not ours', { known: false }],
  ])('is refused from %s', async (_from, change) => {
    const { invoke, handlers, log } = make(change);
    await expect(invoke('profiles.list', [])).rejects.toThrow('may not');
    expect(handlers['profiles.list']).not.toHaveBeenCalled();
    expect(log.error).toHaveBeenCalledOnce();
  });

  it.each<[ShellCall, unknown[]]>([
    ['profiles.rename', ['team']],
    ['profiles.rename', ['../x', 'name']],
    ['profiles.rename', ['team', '   ']],
    ['profiles.list', ['too many']],
    ['windows.open', [{ kind: 'elsewhere' }]],
    ['settings.set', [{ closeToTray: 1 }]],
    ['settings.set', [{ __proto__x: true }]],
    ['unread.clear', ['']],
    ['links.open', ['x'.repeat(5000)]],
  ])('is refused when its arguments do not fit: %s', async (call, args) => {
    const { invoke, handlers } = make();
    await expect(invoke(call, args)).rejects.toThrow();
    expect(handlers[call]).not.toHaveBeenCalled();
  });

  it('may leave out optional arguments at the end', async () => {
    const { invoke, handlers, window } = make();
    await invoke('windows.open', [{ kind: 'home' }, undefined]);
    expect(handlers['windows.open']).toHaveBeenCalledWith(window, { kind: 'home' });
  });
});

function make({
  url = `${ORIGIN}/p/local/`,
  known = true,
  ...rest
}: { url?: string; known?: boolean; frame?: unknown } = {}) {
  const log = fakeLog();
  const window = { place: () => ({ profileId: 'local', path: '' }), typing: false };
  const names = Object.keys(ShellCalls) as ShellCall[];
  const handlers = Object.fromEntries(names.map((name) => [name, vi.fn()])) as Record<
    ShellCall,
    ReturnType<typeof vi.fn>
  >;
  const registered = new Map<string, (...args: unknown[]) => unknown>();
  const mainFrame = { url };
  const sender = { mainFrame };
  registerIpc({
    ipcMain: { handle: (channel, handler) => void registered.set(channel, handler as never) },
    handlers: handlers as unknown as ShellHandlers,
    windowOf: () => (known ? (window as never) : undefined),
    origin: () => ORIGIN,
    log,
  });
  const senderFrame = 'frame' in rest ? rest.frame : mainFrame;
  const invoke = async (call: ShellCall, args: unknown[]) =>
    registered.get(`tagwire:${call}`)?.({ sender, senderFrame }, ...args);
  return { invoke, handlers, window, log };
}
