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

const stop = (): void => {
  server.kill('SIGTERM');
  void vite.close().finally(() => process.exit(0));
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop);
server.once('exit', (code) => {
  process.exitCode = code ?? 1;
  stop();
});
