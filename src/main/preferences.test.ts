import { describe, expect, it, vi } from 'vitest';
import { aboutShell } from './about.ts';
import { applyPreferences, autostartFile } from './preferences.ts';
import { DEFAULT_SETTINGS } from './settings.ts';

describe('preferences', () => {
  it('set the spell checker, with languages that it knows', () => {
    const { session } = apply('linux', { spellcheckLanguages: ['de', 'xx'] });
    expect(session.setSpellCheckerEnabled).toHaveBeenCalledWith(true);
    expect(session.setSpellCheckerLanguages).toHaveBeenCalledWith(['de']);
  });

  it('go back to the languages of the system when none is chosen, by the dictionaries that there are', () => {
    const { session } = apply('win32', { spellcheckLanguages: [] });
    expect(session.setSpellCheckerLanguages).toHaveBeenCalledWith(['de', 'en-GB']);
  });

  it('leave the language to macOS', () => {
    expect(apply('darwin', { spellcheckLanguages: ['de'] }).session.setSpellCheckerLanguages).not.toHaveBeenCalled();
  });

  it.each(['win32', 'darwin'] as const)('start the installed app at login, hidden, on %s', (platform) => {
    const { app } = apply(platform, { startAtLogin: true });
    expect(app.setLoginItemSettings).toHaveBeenCalledWith({ openAtLogin: true, args: ['--hidden'] });
  });

  it('start it by a file on Linux, and never from its source', () => {
    expect(apply('linux', { startAtLogin: true }).setAutostartFile).toHaveBeenCalledWith(true);
    const source = apply('linux', { startAtLogin: true }, false);
    expect(source.setAutostartFile).not.toHaveBeenCalled();
    expect(source.app.setLoginItemSettings).not.toHaveBeenCalled();
  });

  it('quote the program in the autostart file', () => {
    expect(autostartFile('/opt/My $App/tagwire')).toContain('Exec="/opt/My \\$App/tagwire" --hidden');
  });
});

describe('about', () => {
  it('names the versions of what it runs on', () => {
    const about = aboutShell('1.0.0', { electron: '45', node: '24', zlib: '1' });
    expect(about).toEqual({ version: '1.0.0', versions: { Electron: '45', 'Node.js': '24' } });
  });
});

function apply(platform: NodeJS.Platform, change: object, isPackaged = true) {
  const getPreferredSystemLanguages = () => ['de-AT', 'en-GB', 'xx-YY', 'de-DE'];
  const app = { isPackaged, setLoginItemSettings: vi.fn(), getPreferredSystemLanguages };
  const session = {
    setSpellCheckerEnabled: vi.fn(),
    setSpellCheckerLanguages: vi.fn(),
    availableSpellCheckerLanguages: ['en-GB', 'de'],
  };
  const setAutostartFile = vi.fn();
  applyPreferences({ ...DEFAULT_SETTINGS, ...change }, { app, session, platform, setAutostartFile });
  return { app, session, setAutostartFile };
}
