import type { App, Session } from 'electron';
import type { ShellSettings } from '../../contract/shell.ts';

export type PreferencesOptions = {
  readonly app: Pick<App, 'setLoginItemSettings' | 'isPackaged'>;
  readonly session: Pick<
    Session,
    'setSpellCheckerEnabled' | 'setSpellCheckerLanguages' | 'availableSpellCheckerLanguages'
  >;
  readonly platform: NodeJS.Platform;
  /** On Linux, start at login is a file in the user's autostart folder. */
  readonly setAutostartFile: (on: boolean) => void;
};

/** Hands the settings that the system or Chromium keeps to them; at start, and after each change. */
export function applyPreferences(settings: ShellSettings, options: PreferencesOptions): void {
  const { app, session, platform } = options;
  session.setSpellCheckerEnabled(settings.spellcheck);
  if (platform !== 'darwin') {
    const known = settings.spellcheckLanguages.filter((tag) => session.availableSpellCheckerLanguages.includes(tag));
    if (known.length > 0) session.setSpellCheckerLanguages(known);
  }
  // In development it would start the bare Electron binary.
  if (!app.isPackaged) return;
  if (platform === 'linux') options.setAutostartFile(settings.startAtLogin);
  else app.setLoginItemSettings({ openAtLogin: settings.startAtLogin, args: ['--hidden'] });
}

/** The autostart entry of freedesktop.org; `command` is the program's path. */
export function autostartFile(command: string): string {
  return [
    '[Desktop Entry]',
    'Type=Application',
    'Name=Tagwire',
    `Exec="${command.replaceAll(/(["`$\\])/g, '\\$1')}" --hidden`,
    'X-GNOME-Autostart-enabled=true',
    '',
  ].join('\n');
}
