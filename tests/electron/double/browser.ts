import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { chromium, type BrowserContext } from '@playwright/test';
import { chromiumFlags, findChromium } from '../../services/chromium.ts';

/*
 * The one Chromium of an app: a persistent context in the user data folder, so that what pages store is there again
 * after a restart, as in Electron.
 */

let launched: Promise<BrowserContext> | undefined;

export type Launched = { readonly context: BrowserContext; readonly endpoint: string };

/** Starts Chromium, once. `endpoint` is where the tests connect to the same browser. */
export async function launchBrowser(userData: string): Promise<Launched> {
  const directory = join(userData, 'chromium');
  launched ??= chromium.launchPersistentContext(directory, {
    executablePath: findChromium(),
    args: [...chromiumFlags(), '--remote-debugging-port=0'],
    handleSIGTERM: false,
    handleSIGINT: false,
    viewport: null,
  });
  const context = await launched;
  return { context, endpoint: await endpointOf(join(directory, 'DevToolsActivePort')) };
}

export async function browserContext(): Promise<BrowserContext> {
  if (launched === undefined) throw new Error('Nothing can be shown before the app is ready.');
  return launched;
}

export async function closeBrowser(): Promise<void> {
  const context = await launched?.catch(() => undefined);
  await context?.close().catch(() => undefined);
}

/** Chromium writes the port that it took into this file. */
async function endpointOf(file: string): Promise<string> {
  for (let tries = 0; tries < 100; tries++) {
    const [port] = (await readFile(file, 'utf8').catch(() => '')).split('\n');
    if (port) return `http://127.0.0.1:${port}`;
    await wait(50);
  }
  throw new Error(`Chromium did not write ${file}`);
}
