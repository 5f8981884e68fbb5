import { registerHooks } from 'node:module';

/*
 * `node --import tests/electron/double/register.ts out/main/index.js`: runs the built main process with this double in
 * the place of the module `electron`, for `import` and `require` alike.
 */
const double = new URL('electron.ts', import.meta.url).href;

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'electron'
      ? { url: double, format: 'module-typescript', shortCircuit: true }
      : next(specifier, context),
});
