import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createServer, type InlineConfig } from 'vite';

/*
 * `npm run dev`: the server, started anew whenever a file of it changes, and the renderer with hot reload in front,
 * which hands on `/api`. Data is kept in `.data`.
 */

const root = join(import.meta.dirname, '..');
const port = process.env['PORT'] ?? '8080';
process.env['TAGWIRE_API'] = `http://127.0.0.1:${port}`;

const server = spawn(process.execPath, ['--watch', '--watch-preserve-output', 'server/main.ts'], {
  cwd: root,
  stdio: 'inherit',
  env: {
    DATA_DIR: join(root, '.data'),
    ...process.env,
    PORT: port,
    // The browser names Vite's port in Host.
    ALLOWED_HOSTS: ['localhost', '127.0.0.1', process.env['ALLOWED_HOSTS']].filter(Boolean).join(','),
  },
});

const { default: config } = (await import('../electron.vite.config.ts')) as { default: { renderer: InlineConfig } };
const vite = await createServer({ ...config.renderer, configFile: false });
await vite.listen();
vite.printUrls();

/** A server that could not start, and waits for a file to change, does not heed SIGTERM. */
const PATIENCE_MS = 5_000;

const serverEnded = new Promise<void>((resolve) => server.once('exit', () => resolve()));
const stop = async (): Promise<void> => {
  server.kill('SIGTERM');
  setTimeout(() => server.kill('SIGKILL'), PATIENCE_MS).unref();
  await Promise.all([serverEnded, vite.close()]);
  process.exit();
};
// Vite's own listener would end this process before the server has ended.
process.removeAllListeners('SIGTERM');
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop());
server.once('exit', (code) => {
  // It was not told to end, unless by a signal.
  if (code !== null && code > 0 && code < 128) process.exitCode = code;
  void stop();
});
