import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/**
 * The path of Electron's own binary, or `undefined` where it was never downloaded. Asks the installed package without
 * loading it: that would start the download.
 */
export function electronBinary(): string | undefined {
  const given = process.env.ELECTRON_OVERRIDE_DIST_PATH;
  const folder = dirname(createRequire(import.meta.url).resolve('electron/package.json'));
  const file = join(folder, 'path.txt');
  if (!existsSync(file)) return undefined;
  const path = join(given ?? join(folder, 'dist'), readFileSync(file, 'utf8').trim());
  return existsSync(path) ? path : undefined;
}
