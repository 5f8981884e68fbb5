import { chromium } from '@playwright/test';
import { existsSync } from 'node:fs';
import { isDebian, installPackages } from './debian.ts';
import { installStep, onPath, run } from './install.ts';

const FONTS = ['fonts-noto-core', 'fonts-noto-cjk', 'fonts-noto-color-emoji'];

/** The browser to test with: TAGWIRE_CHROMIUM, one on PATH, or Playwright's own download. */
export function findChromium(): string | undefined {
  const given = process.env.TAGWIRE_CHROMIUM;
  if (given) return given;
  const found = onPath('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable');
  if (found) return found;
  const downloaded = chromium.executablePath();
  return existsSync(downloaded) ? downloaded : undefined;
}

/** Finds a browser or installs one: Debian's (as root, with fonts of all scripts), else Playwright's download. */
export async function ensureChromium(): Promise<string> {
  const found = findChromium();
  if (found) return found;
  if (isDebian() && process.getuid?.() === 0) await installPackages('chromium', ...FONTS);
  else await installStep('Chromium', async () => void (await run('npx', ['playwright', 'install', 'chromium'])));
  const installed = findChromium();
  if (!installed) throw new Error('Chromium was installed but is not found: name it in TAGWIRE_CHROMIUM');
  return installed;
}

/** Quiet, without network of its own; root can't have Chromium's sandbox. */
export function chromiumFlags(): string[] {
  return [
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ];
}
