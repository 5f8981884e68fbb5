import { spawn } from 'node:child_process';
import { homedir } from 'node:os';
import { join, sep } from 'node:path';
import open from 'open';
import { pino } from 'pino';
import { ConfigError, readConfig, type Config } from '../server/config.ts';
import { DataFolderError } from '../server/data-folder.ts';
import { PortError, startServer, type RunningServer } from '../server/server.ts';
import { findElectron } from './lib/electron-binary.ts';
import { build, needsBuild } from './lib/renderer-build.ts';
import { createStatusLine } from './lib/status-line.ts';

/*
 * `npm start`: the desktop app; where Electron's binary can't be had or can't run, the same app in a browser.
 */

const root = join(import.meta.dirname, '..');
const say = (line: string) => void process.stdout.write(`${line}\n`);
const inCi = Boolean(process.env['CI']);
/** An app that ends sooner than this, and not well, could not start: a missing library of the system, say. */
const FAILED_START_MS = 5_000;
const PORTS_TO_TRY = 20;

try {
  if (needsBuild(root)) {
    say('Building the app …');
    await build(root);
  }
  const missing = await runDesktopApp();
  await runInBrowser(readConfig(process.env, process.argv.slice(2)), missing);
} catch (error) {
  const isExpected = [ConfigError, DataFolderError, PortError].some((type) => error instanceof type);
  process.stderr.write(`${isExpected ? (error as Error).message : String((error as Error).stack ?? error)}\n`);
  process.exit(1);
}

/** Runs the app to its end, and this process with it; says why where it can't be started here. */
async function runDesktopApp(): Promise<string> {
  // Chromium refuses to run as root, and without a display there is nothing to show it on.
  const isRoot = process.platform === 'linux' && process.getuid?.() === 0;
  if (!hasDisplay()) return 'there is no display';
  if (isRoot) return 'it does not run as root';
  const status = createStatusLine(process.stdout);
  const found = await findElectron({ root, mayDownload: !inCi, show: status.show });
  status.end();
  if ('missing' in found) return found.missing;
  const began = performance.now();
  // Terminals inside of Electron apps (VS Code's, say) may have set this, which makes Electron a bare Node.
  const env = { ...process.env };
  delete env['ELECTRON_RUN_AS_NODE'];
  const code = await new Promise<number>((resolve) => {
    const app = spawn(found.binary, [root, ...process.argv.slice(2)], { stdio: 'inherit', env });
    // A terminal's Ctrl+C reaches the app by itself; who only knows this process ends the app through it.
    process.once('SIGINT', () => undefined);
    process.once('SIGTERM', () => void app.kill());
    app.once('error', () => resolve(1));
    app.once('exit', (exitCode) => resolve(exitCode ?? 1));
  });
  if (code !== 0 && performance.now() - began < FAILED_START_MS) return `it ended at once with code ${code}`;
  process.exit(code);
}

async function runInBrowser(config: Config, missing: string): Promise<void> {
  const logger = pino({ level: process.env['LOG_LEVEL'] ? config.logLevel : 'warn' });
  const server = await startOnFreePort(config, (now) => startServer(now, { logger }));
  const address = `http://localhost:${server.port}`;
  const moved = server.port === config.port ? '' : ` (port ${config.port} is in use)`;
  const data = config.services === undefined ? `; your posts are in ${shorten(config.dataDir)}` : '';
  say(`Electron can't run here (${missing}), so Tagwire is at ${address}${moved}${data}. Ctrl+C ends it.`);
  if (hasDisplay() && !inCi) await open(address).catch(() => undefined);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => void server.close(3_000).finally(() => process.exit(0)));
  }
  await server.ready;
}

/** On the configured port, or on the first free one of those after it. */
async function startOnFreePort(
  config: Config,
  start: (config: Config) => Promise<RunningServer>,
): Promise<RunningServer> {
  for (let port = config.port; ; port += 1) {
    try {
      return await start({ ...config, port });
    } catch (error) {
      const inUse = error instanceof PortError && error.code === 'IN_USE';
      if (!inUse || port - config.port >= PORTS_TO_TRY) throw error;
    }
  }
}

function hasDisplay(): boolean {
  if (process.platform !== 'linux') return true;
  return Boolean(process.env['DISPLAY'] ?? process.env['WAYLAND_DISPLAY']);
}

function shorten(path: string): string {
  const home = homedir();
  return path.startsWith(home + sep) ? `~${path.slice(home.length)}` : path;
}
