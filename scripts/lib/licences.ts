import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Plugin } from 'vite';
import type { PackageLicence } from '../../contract/licence.ts';

/**
 * Part of the renderer's build: writes `licences.json` for the about page, with all packages that are in the pages and all
 * that are installed with the server. What is in the pages, the bundler says: for npm these are tools of development.
 * Electron's and Chromium's own licences come with Electron, as files beside the program.
 */
export function licences(root: string): Plugin {
  return {
    name: 'licences',
    apply: 'build',
    async generateBundle() {
      const modules = [...this.getModuleIds()];
      const styled = await Promise.all(modules.filter((id) => /\.s?css$/.test(id)).map(importsOfStyle));
      const bundled = [...modules, ...styled.flat()].flatMap((file) => folderOf(file) ?? []);
      const source = JSON.stringify(await licencesOf(root, [...(await installedWithServer(root)), ...bundled]));
      this.emitFile({ type: 'asset', fileName: 'licences.json', source });
    },
  };
}

/** The packages in these folders, each once, by name. */
export async function licencesOf(root: string, folders: Iterable<string>): Promise<PackageLicence[]> {
  const found = new Map<string, PackageLicence>();
  for (const folder of new Set(folders)) {
    const manifest = await readFile(join(root, folder, 'package.json'), 'utf8').catch(() => undefined);
    // Optional, and not for this platform.
    if (manifest === undefined) continue;
    const { name, version, license } = JSON.parse(manifest) as { name: string; version: string; license?: unknown };
    const text = await textOf(join(root, folder));
    found.set(`${name}@${version}`, { name, version, licence: licenceName(license), text });
  }
  return [...found.values()].sort((a, b) => a.name.localeCompare(b.name) || a.version.localeCompare(b.version));
}

/** `…/node_modules/a/node_modules/@b/c/x.js` → `node_modules/a/node_modules/@b/c`; undefined for our own. */
export function folderOf(file: string): string | undefined {
  return /(node_modules\/(?:@[^/]+\/)?[^/]+(?:\/node_modules\/(?:@[^/]+\/)?[^/]+)*)\//.exec(
    file.replaceAll('\\', '/'),
  )?.[1];
}

/** What a style sheet takes from packages: its compiler brings that in, and the bundler does not hear of it. */
async function importsOfStyle(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return [...text.matchAll(/@(?:import|use)\s+['"]([^.'"/][^'"]*)['"]/g)].map(([, path]) => `node_modules/${path}/`);
}

async function installedWithServer(root: string): Promise<string[]> {
  type Lock = {
    readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly devOptional?: boolean }>>;
  };
  const { packages } = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as Lock;
  return Object.keys(packages).filter((path) => path !== '' && packages[path]?.dev !== true);
}

/** The licence's text and the notices that have to go with it, as the package brings them. */
async function textOf(folder: string): Promise<string> {
  const names = (await readdir(folder))
    .filter((name) => /^(licen[cs]e|copying|notice|ofl)([._-].*)?$/i.test(name))
    .sort();
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8').catch(() => '')));
  return texts.map((text) => text.trim()).join('\n\n');
}

/** SPDX in most packages; older ones have `{type}`. */
function licenceName(license: unknown): string {
  if (typeof license === 'string') return license;
  const { type } = (license ?? {}) as { type?: unknown };
  return typeof type === 'string' ? type : 'see its package';
}
