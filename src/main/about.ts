import type { AboutShell } from '../../contract/shell.ts';

/** What the about page shows of the shell: its version, and those of what it runs on. */
export function aboutShell(version: string, versions: Readonly<Record<string, string | undefined>>): AboutShell {
  const parts = [
    ['Electron', versions['electron']],
    ['Chromium', versions['chrome']],
    ['Node.js', versions['node']],
    ['V8', versions['v8']],
  ].flatMap(([name, value]) => (name === undefined || value === undefined ? [] : [[name, value] as const]));
  return { version, versions: Object.fromEntries(parts) };
}
