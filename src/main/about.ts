import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { AboutShell } from '../../contract/shell.ts';

const Licences = z.array(z.object({ name: z.string(), version: z.string(), licence: z.string() }));

export type AboutOptions = {
  readonly version: string;
  readonly versions: Readonly<Record<string, string | undefined>>;
  /** Written by scripts/licences.ts when the app is built. */
  readonly licencesFile: string;
};

/** What the about page shows: versions, and the licences of everything that is shipped with the app. */
export async function readAbout({ version, versions, licencesFile }: AboutOptions): Promise<AboutShell> {
  const parts = [
    ['Electron', versions['electron']],
    ['Chromium', versions['chrome']],
    ['Node.js', versions['node']],
    ['V8', versions['v8']],
  ].flatMap(([name, value]) => (name === undefined || value === undefined ? [] : [[name, value] as const]));
  const text = await readFile(licencesFile, 'utf8').catch(() => '[]');
  return { version, versions: Object.fromEntries(parts), licences: Licences.parse(JSON.parse(text)) };
}
