import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { downloadArtifact } from '@electron/get';
import { z } from 'zod';
import { progressLine } from './progress-line.ts';
import { DownloadError, download } from './resumable-download.ts';

/** After a try that brought not a byte, the next one is so much later: a start must not wait each time for nothing. */
const RETRY_AFTER_MS = 3600 * 1000;
const TRY_AT_ONCE = '`npx install-electron` tries at once';

export type ElectronOptions = {
  /** The project's folder. */
  readonly root: string;
  /** Whether a download may be tried. */
  readonly mayDownload: boolean;
  /** Shows how far the download is. */
  readonly show: (line: string) => void;
  readonly env?: Readonly<Record<string, string | undefined>>;
};

/** Electron's binary, or why there is none and what to do about it, as a part of a sentence. */
export type FoundElectron = { readonly binary: string } | { readonly missing: string };

const Failure = z.object({ at: z.number(), reason: z.string() });

/**
 * Finds Electron's binary; downloads it where there is none, for as long as bytes come. What was received is kept, and the
 * next start goes on from there. Never throws.
 */
export async function findElectron({
  root,
  mayDownload,
  show,
  env = process.env,
}: ElectronOptions): Promise<FoundElectron> {
  const present = installed(root);
  if (present !== undefined) return { binary: present };
  if (!mayDownload) return { missing: 'it is not installed, and in CI nothing is downloaded' };
  const failed = join(root, '.cache/electron-download-failed');
  const last = lastFailure(failed);
  if (last !== undefined && Date.now() - last.at < RETRY_AFTER_MS) {
    return { missing: `its download failed within the last hour: ${last.reason}; ${TRY_AT_ONCE}` };
  }
  rmSync(failed, { force: true });
  try {
    await getElectron(root, show, env);
    await install(root, env);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const received = error instanceof DownloadError ? error.received : 0;
    if (received > 0) {
      const kept = `${Math.round(received / 1e6)} MB are kept, and the next start goes on from there`;
      return { missing: `its download ended: ${reason}; ${kept}` };
    }
    mkdirSync(join(root, '.cache'), { recursive: true });
    writeFileSync(failed, JSON.stringify({ at: Date.now(), reason } satisfies z.infer<typeof Failure>));
    return { missing: `its download failed: ${reason}; the next try is in an hour, ${TRY_AT_ONCE}` };
  }
  const binary = installed(root);
  return binary === undefined ? { missing: `it is not where it should be; ${TRY_AT_ONCE}` } : { binary };
}

/** Reads what the package's installer leaves; importing the package instead would start a download. */
function installed(root: string): string | undefined {
  const folder = join(root, 'node_modules/electron');
  try {
    const binary = join(folder, 'dist', readFileSync(join(folder, 'path.txt'), 'utf8').trim());
    return existsSync(binary) ? binary : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Puts the package's file where its installer looks for it before it downloads anything. Mirrors and checksums are as for
 * the installer: what does not match throws, and is gone.
 */
async function getElectron(
  root: string,
  show: (line: string) => void,
  env: ElectronOptions['env'] = {},
): Promise<void> {
  const folder = join(root, 'node_modules/electron');
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
  const line = progressLine(`Getting Electron ${version}, which is done once`);
  await downloadArtifact({
    version,
    artifactName: 'electron',
    platform: process.platform,
    arch: process.arch,
    cacheRoot: env['electron_config_cache'],
    checksums: JSON.parse(readFileSync(join(folder, 'checksums.json'), 'utf8')) as Record<string, string>,
    downloader: {
      download: (url: string, file: string) =>
        download(url, file, {
          partial: join(root, '.cache', `${basename(file)}.part`),
          onProgress: (progress) => show(line(progress)),
        }),
    },
  });
}

/** Unpacks it, by the package's own installer. */
function install(root: string, env: ElectronOptions['env']): Promise<void> {
  return new Promise((resolve, reject) => {
    const installer = join(root, 'node_modules/electron/install.js');
    const child = spawn(process.execPath, [installer], { stdio: ['ignore', 'ignore', 'pipe'], env });
    let errors = '';
    child.stderr.on('data', (chunk) => (errors += String(chunk)));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`it could not be unpacked: ${errors.trim().split('\n', 1)[0] ?? `code ${code}`}`));
    });
  });
}

function lastFailure(file: string): z.infer<typeof Failure> | undefined {
  try {
    return Failure.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}
