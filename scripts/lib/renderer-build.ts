import { spawn } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const RESULT = join('out', 'renderer', 'index.html');
const SOURCES = ['src', 'contract', 'server', 'electron.vite.config.ts', 'package-lock.json'];

/** True where the build is missing or older than something that it was made from. */
export function needsBuild(root: string, result = join(root, RESULT), sources = SOURCES): boolean {
  const built = modified(result);
  return built === undefined || sources.some((source) => isNewer(join(root, source), built));
}

/** Builds the app quietly. Throws with what the build said, if it fails. */
export async function build(root: string): Promise<void> {
  const builder = join(root, 'node_modules', 'electron-vite', 'bin', 'electron-vite.js');
  const child = spawn(process.execPath, [builder, 'build'], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`The build failed:\n${output}`);
}

function isNewer(path: string, than: number): boolean {
  const time = modified(path);
  if (time === undefined) return false;
  if (time > than) return true;
  if (!statSync(path).isDirectory()) return false;
  return readdirSync(path).some((name) => isNewer(join(path, name), than));
}

function modified(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}
