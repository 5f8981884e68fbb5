import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'electron-vite';
import { licences } from './scripts/lib/licences.ts';

const here = import.meta.dirname;

/**
 * Where the dev server of `npm run dev` finds the API. Vite proxies `/api` there, so that the renderer has one
 * origin in development too.
 */
const API = process.env.TAGWIRE_API ?? 'http://127.0.0.1:8080';

const main = entries({ index: 'src/main/index.ts', server: 'server/desktop/main.ts' });
const preload = entries({ index: 'src/preload/index.ts' });

export default defineConfig({
  ...(main && { main: { build: { outDir: 'out/main', rolldownOptions: { input: main } } } }),
  ...(preload && {
    preload: {
      // A sandboxed preload script cannot import: all in one file, as CommonJS.
      build: {
        outDir: 'out/preload',
        externalizeDeps: false,
        rolldownOptions: { input: preload, output: { format: 'cjs', entryFileNames: '[name].cjs' } },
      },
    },
  }),
  renderer: {
    root: 'src/renderer',
    // Copied as they are to the root of the site: the icon and the manifest.
    publicDir: 'assets',
    // Relative to the document's <base>, which the gateway sets to `/p/<profile>/`.
    base: './',
    plugins: [vue(), licences(here)],
    define: { __VUE_OPTIONS_API__: false, __VUE_PROD_DEVTOOLS__: false },
    css: { preprocessorOptions: { scss: { quietDeps: true, silenceDeprecations: ['import', 'if-function'] } } },
    build: {
      outDir: 'out/renderer',
      // The app also runs in browsers, of which those of 2024 are new enough.
      target: 'es2023',
      minify: true,
      // No data: URLs for fonts and images, so that the policy needs none but Bootstrap's own.
      assetsInlineLimit: 0,
      rolldownOptions: { input: resolve(here, 'src/renderer/index.html') },
    },
    server: { fs: { allow: [here] }, proxy: { '/api': { target: API } } },
  },
});

/** The entries whose files exist; `undefined` when none does, for then there is nothing to build. */
function entries(files: Record<string, string>): Record<string, string> | undefined {
  const found = Object.entries(files)
    .map(([name, file]) => [name, resolve(here, file)] as const)
    .filter(([, file]) => existsSync(file));
  return found.length > 0 ? Object.fromEntries(found) : undefined;
}
