import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { rolldown, type RolldownPlugin } from 'rolldown';
import { build as viteBuild, type UserConfig } from 'vite';
import config from '../../../electron.vite.config.ts';
import { needsBuild } from '../../../scripts/lib/renderer-build.ts';

const root = resolve(import.meta.dirname, '../../..');
const app = join(root, '.cache/legacy-app');
const here = (name: string) => join(import.meta.dirname, name);
const RENDERER = 'out/renderer/index.html';
const LICENCES = 'out/renderer/licences.json';
const AGE = ['node16', 'chrome108'];

/**
 * The app built for Electron 22: CommonJS, its syntax and missing built-ins, the server in our own Node. In a folder
 * that needs nothing else of the checkout and is laid out as the app's own, so that it can be packed as that is.
 */
export async function buildLegacyApp(): Promise<string> {
  const sources = [
    'src',
    'contract',
    'server',
    'tests/electron/legacy',
    'electron.vite.config.ts',
    'package-lock.json',
  ];
  if (!needsBuild(root, join(app, RENDERER), sources)) return app;
  await rm(app, { recursive: true, force: true });
  await mkdir(join(app, 'out'), { recursive: true });
  await cp(join(root, 'build'), join(app, 'build'), { recursive: true });
  const { name, productName, version, author, description } = JSON.parse(
    await readFile(join(root, 'package.json'), 'utf8'),
  );
  const manifest = { name, productName, version, author, description, main: 'out/main/index.js' };
  await writeFile(join(app, 'package.json'), JSON.stringify(manifest, undefined, 2));

  await bundle('main.ts', 'out/main/index.js', 'cjs');
  await bundle('preload.ts', 'out/preload/index.cjs', 'cjs');
  await bundle('relay.ts', 'out/main/server.js', 'cjs');
  await bundle('server.ts', 'out/main/server-in-node.mjs', 'esm');
  await buildRenderer();
  await cp(join(root, LICENCES), join(app, LICENCES)).catch((error: unknown) => {
    throw new Error('The app is not built: npm run build', { cause: error });
  });
  return app;
}

async function bundle(entry: string, file: string, format: 'cjs' | 'esm'): Promise<void> {
  const bundled = await rolldown({
    input: here(entry),
    platform: 'node',
    // The shared deployment's, which the desktop never opens.
    external: ['electron', 'mysql2', 'mysql2/promise', 'mongodb', /^@nats-io\//],
    transform: format === 'cjs' ? { target: AGE, define: { 'import.meta.dirname': '__dirname' } } : {},
  });
  await bundled.write({ file: join(app, file), format, codeSplitting: false });
  await bundled.close();
}

async function buildRenderer(): Promise<void> {
  const { renderer } = config as { renderer: UserConfig };
  const builtinsFirst: RolldownPlugin = {
    name: 'builtins-first',
    transform: {
      order: 'pre',
      filter: { id: /src\/renderer\/(main|streams\/live-worker)\.ts/ },
      handler: (code) => `import ${JSON.stringify(here('builtins.ts'))};\n${code}`,
    },
  };
  await viteBuild({
    ...renderer,
    configFile: false,
    logLevel: 'error',
    root: join(root, 'src/renderer'),
    plugins: [builtinsFirst, ...(renderer.plugins ?? [])],
    worker: { plugins: () => [builtinsFirst] },
    build: {
      ...renderer.build,
      emptyOutDir: true,
      outDir: join(app, 'out/renderer'),
      target: 'chrome108',
      cssTarget: 'chrome108',
      rolldownOptions: { ...renderer.build?.rolldownOptions, checks: { pluginTimings: false } },
    },
  });
}
