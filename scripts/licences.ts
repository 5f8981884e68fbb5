import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/*
 * Part of `npm run build`: writes out/licences.json, the licences of everything that is shipped in the app, for its
 * about page. Electron's and Chromium's own come with Electron, as files beside the program.
 */

type Packages = Record<string, { readonly dev?: boolean; readonly dependencies?: Record<string, string> }>;

const root = join(import.meta.dirname, '..');
/** What Vite puts into the renderer; for npm these are tools of development. */
const IN_RENDERER = /^(vue|vue-router|pinia|bootstrap|bootstrap-icons|@vueuse\/.*|@tanstack\/.*|@fontsource.*)$/;

const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as { packages: Packages };
const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
  devDependencies: Record<string, string>;
};

const shipped = new Set(Object.keys(lock.packages).filter((path) => path !== '' && lock.packages[path]?.dev !== true));
for (const name of Object.keys(manifest.devDependencies)) if (IN_RENDERER.test(name)) addWithDependencies(name);

const licences = new Map<string, { name: string; version: string; licence: string }>();
for (const path of shipped) {
  const text = await readFile(join(root, path, 'package.json'), 'utf8').catch(() => undefined);
  // Optional, and not for this platform.
  if (text === undefined) continue;
  const { name, version, license } = JSON.parse(text) as { name: string; version: string; license?: unknown };
  licences.set(`${name}@${version}`, { name, version, licence: licenceName(license) });
}
const sorted = [...licences.values()].sort(
  (a, b) => a.name.localeCompare(b.name) || a.version.localeCompare(b.version),
);
await writeFile(join(root, 'out/licences.json'), `${JSON.stringify(sorted, undefined, 1)}\n`);

function addWithDependencies(name: string): void {
  const path = `node_modules/${name}`;
  if (shipped.has(path) || lock.packages[path] === undefined) return;
  shipped.add(path);
  for (const dependency of Object.keys(lock.packages[path].dependencies ?? {})) addWithDependencies(dependency);
}

/** SPDX in most packages; older ones have `{type}`. */
function licenceName(license: unknown): string {
  if (typeof license === 'string') return license;
  const { type } = (license ?? {}) as { type?: unknown };
  return typeof type === 'string' ? type : 'see its package';
}
