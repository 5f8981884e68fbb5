import type { MenuItemConstructorOptions } from 'electron';
import { describe, expect, it, vi } from 'vitest';
import type { UpdateState } from '../../contract/shell.ts';
import { contextMenuTemplate, type ContextMenuPoint } from './context-menu.ts';
import { menuTemplate, type MenuActions } from './menu.ts';

describe('the menu', () => {
  it.each(['win32', 'linux'] as const)('has settings and quit under File on %s', (platform) => {
    const { labels } = build(platform);
    expect(labels(0)).toEqual(expect.arrayContaining(['Settings…', 'Quit']));
  });

  it('has the app menu of macOS there', () => {
    const { template, labels } = build('darwin');
    expect(template[0]?.label).toBe('Tagwire');
    expect(labels(0)).toEqual(expect.arrayContaining(['About Tagwire', 'Settings…', 'Quit Tagwire']));
    expect(labels(1)).not.toContain('Quit');
  });

  it.each(['win32', 'linux', 'darwin'] as const)('gives no key to two items, on %s', (platform) => {
    const keys = build(platform)
      .all()
      .flatMap(({ accelerator }) =>
        accelerator === undefined ? [] : [String(accelerator).replace(/^(Cmd|Ctrl)\+/, 'CmdOrCtrl+')],
      );
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('opens a window on a chosen server', () => {
    const { all, actions } = build('linux');
    const item = all().find(({ label }) => label === 'R&&D');
    (item?.click as () => void)();
    expect(actions.newWindow).toHaveBeenCalledWith('team');
  });

  it('offers the restart when an update is ready', () => {
    const item = build('linux', { kind: 'ready', version: '2.0.0' }).find('updates');
    expect(item).toMatchObject({ label: 'Restart to Update to 2.0.0' });
    expect(build('linux', { kind: 'unavailable', reason: '' }).find('updates')).toMatchObject({ enabled: false });
  });
});

describe('the context menu', () => {
  it('offers corrections for a misspelt word, and to learn it', () => {
    const contents = { replaceMisspelling: vi.fn(), session: { addWordToSpellCheckerDictionary: vi.fn() } };
    const items = context({ misspelledWord: 'teh', dictionarySuggestions: ['the'], isEditable: true }, { contents });
    (items.find(({ label }) => label === 'the')?.click as () => void)();
    (items.find(({ label }) => label === 'Add to Dictionary')?.click as () => void)();
    expect(contents.replaceMisspelling).toHaveBeenCalledWith('the');
    expect(contents.session.addWordToSpellCheckerDictionary).toHaveBeenCalledWith('teh');
  });

  it('opens a link of the app in a window, any other in the browser', () => {
    const openInNewWindow = vi.fn();
    expect(context({ linkURL: 'http://127.0.0.1:1/p/local/' }, { openInNewWindow }).map(({ label }) => label)).toEqual([
      'Open in New Window',
    ]);
    expect(context({ linkURL: 'https://example.org/' }).map(({ label }) => label)).toEqual([
      'Open in Browser',
      'Copy Link',
    ]);
  });

  it('cuts and pastes in a field, copies a selection, and is empty elsewhere', () => {
    expect(context({ isEditable: true }).map(({ role }) => role)).toEqual(
      expect.arrayContaining(['cut', 'paste', 'undo']),
    );
    expect(context({ selectionText: 'text' }).map(({ role }) => role)).toEqual(['copy']);
    expect(context({})).toEqual([]);
  });
});

function build(platform: NodeJS.Platform, update: UpdateState = { kind: 'idle' }) {
  const names = ['newWindow', 'command', 'settings', 'about', 'zoom', 'reload', 'retry', 'showLogs'] as const;
  const more = ['copyDiagnostics', 'checkForUpdates', 'restartToUpdate', 'quit'] as const;
  const actions = Object.fromEntries([...names, ...more].map((name) => [name, vi.fn()])) as unknown as MenuActions;
  const profiles = [
    { kind: 'local' as const, id: 'local', name: 'On this computer' },
    { kind: 'remote' as const, id: 'team', name: 'R&D', url: 'https://team.example/' },
  ];
  const template = menuTemplate({ platform, appName: 'Tagwire', profiles, update }, actions);
  const flatten = (items: MenuItemConstructorOptions[]): MenuItemConstructorOptions[] =>
    items.flatMap((item) => [item, ...(Array.isArray(item.submenu) ? flatten(item.submenu) : [])]);
  const all = () => flatten(template);
  const labels = (index: number) => flatten([template[index] ?? {}]).map(({ label }) => label);
  return { template, actions, all, labels, find: (id: string) => all().find((item) => item.id === id) };
}

function context(point: Partial<ContextMenuPoint>, actions: object = {}): MenuItemConstructorOptions[] {
  const editFlags = { canUndo: true, canRedo: true, canCut: true, canCopy: true, canPaste: true, canSelectAll: true };
  const whole = {
    x: 0,
    y: 0,
    linkURL: '',
    selectionText: '',
    isEditable: false,
    misspelledWord: '',
    dictionarySuggestions: [],
    editFlags: { ...editFlags, canDelete: true, canEditRichly: false },
    ...point,
  };
  return contextMenuTemplate(whole, {
    openInNewWindow: undefined,
    openLink: vi.fn(),
    clipboard: { writeText: vi.fn() as never },
    contents: {} as never,
    developer: false,
    ...actions,
  });
}
