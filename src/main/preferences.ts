import type { App, Session } from 'electron';
import type { ShellSettings } from '../../contract/shell.ts';

export type PreferencesOptions = {
  readonly app: Pick<App, 'setLoginItemSettings' | 'isPackaged' | 'getPreferredSystemLanguages'>;
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
    // Chromium keeps the languages: an empty list must take back what was chosen before.
    const { spellcheckLanguages: chosen } = settings;
    const known = knownLanguages(
      chosen.length > 0 ? chosen : app.getPreferredSystemLanguages(),
      session.availableSpellCheckerLanguages,
    );
    if (known.length > 0) session.setSpellCheckerLanguages(known);
  }
  // In development it would start the bare Electron binary.
  if (!app.isPackaged) return;
  if (platform === 'linux') options.setAutostartFile(settings.startAtLogin);
  else app.setLoginItemSettings({ openAtLogin: settings.startAtLogin, args: ['--hidden'] });
}

/** Those that there is a dictionary for: `de-AT` is served by `de` where there is none of its own. */
function knownLanguages(wanted: readonly string[], available: readonly string[]): string[] {
  const found = wanted.map((tag) => [tag, tag.split('-', 1)[0] ?? tag].find((name) => available.includes(name)));
  return [...new Set(found.filter((name) => name !== undefined))];
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
