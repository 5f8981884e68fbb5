import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** After a download that failed, the next try is a day later: a start must not hang each time where there is no way. */
const RETRY_AFTER_MS = 24 * 3600 * 1000;
const DOWNLOAD_LIMIT_MS = 120_000;
/** A refused connection shows within this; only a download that really runs is worth a line. */
const SILENT_MS = 3_000;

export type ElectronOptions = {
  /** The project's folder. */
  readonly root: string;
  /** Whether a download may be tried. */
  readonly mayDownload: boolean;
  readonly say: (line: string) => void;
};

/** The path of Electron's binary, or `undefined` where there is none and none can be had now. Never throws. */
export async function electronBinary({ root, mayDownload, say }: ElectronOptions): Promise<string | undefined> {
  const present = installed(root);
  if (present !== undefined || !mayDownload) return present;
  const failed = join(root, '.cache', 'electron-download-failed');
  if (Date.now() - (readTime(failed) ?? 0) < RETRY_AFTER_MS) return undefined;
  if (!(await download(root, say))) {
    mkdirSync(join(root, '.cache'), { recursive: true });
    writeFileSync(failed, String(Date.now()));
  }
  return installed(root);
}

/** Reads what the package's installer leaves; importing the package instead would start a download. */
function installed(root: string): string | undefined {
  const folder = join(root, 'node_modules', 'electron');
  try {
    const binary = join(folder, 'dist', readFileSync(join(folder, 'path.txt'), 'utf8').trim());
    return existsSync(binary) ? binary : undefined;
  } catch {
    return undefined;
  }
}

function download(root: string, say: (line: string) => void): Promise<boolean> {
  return new Promise((resolve) => {
    const installer = join(root, 'node_modules', 'electron', 'install.js');
    const child = spawn(process.execPath, [installer], { stdio: 'ignore', timeout: DOWNLOAD_LIMIT_MS });
    const notice = setTimeout(() => say('Getting Electron, which is done once (about 120 MB) …'), SILENT_MS);
    const end = (done: boolean): void => {
      clearTimeout(notice);
      resolve(done);
    };
    child.once('error', () => end(false));
    child.once('exit', (code) => end(code === 0));
  });
}

function readTime(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
