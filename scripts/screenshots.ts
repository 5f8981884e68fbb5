import { mkdtemp, mkdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser } from '@playwright/test';
import { pino } from 'pino';
import { readConfig } from '../server/config.ts';
import { startServer } from '../server/server.ts';
import { chromiumFlags, ensureChromium } from '../tests/services/chromium.ts';
import { takeDesktop } from './lib/desktop-shot.ts';
import { build, needsBuild } from './lib/renderer-build.ts';
import { SCENE } from './lib/scene.ts';

/*
 * `npm run screenshots`: starts the real server on an empty folder, lets a small team write, and takes the pictures
 * of the README and of docs/desktop.md from the real app into docs/images: in a browser, and on the desktop.
 */

type Shot = {
  readonly name: string;
  readonly path: string;
  readonly theme: 'light' | 'dark';
  readonly width: number;
  readonly height: number;
};

const SHOTS: readonly Shot[] = [
  { name: 'tagwire-light', path: 'feed/release', theme: 'light', width: 1600, height: 900 },
  { name: 'tagwire-dark', path: 'deck?feeds=release,infra,golang', theme: 'dark', width: 1600, height: 900 },
  { name: 'tagwire-light-360', path: '', theme: 'light', width: 360, height: 720 },
  { name: 'tagwire-dark-360', path: 'feed/release', theme: 'dark', width: 360, height: 720 },
];

/** A README should load at once: no picture may be larger, in bytes. */
const MAX_BYTES = 400_000;

const root = join(import.meta.dirname, '..');
const images = join(root, 'docs', 'images');
const clock = movableClock();

if (needsBuild(root)) await build(root);
await mkdir(images, { recursive: true });
const data = await mkdtemp(join(tmpdir(), 'tagwire-screenshots-'));
const server = await startServer(
  readConfig({ PORT: '0', HOST: '127.0.0.1', DATA_DIR: data, WRITES_PER_MINUTE: '0', LOG_LEVEL: 'warn' }),
  { logger: pino({ level: 'warn' }) },
);
const browser = await chromium.launch({ executablePath: await ensureChromium(), args: chromiumFlags() });
try {
  await server.ready;
  await writeScene(server.url);
  for (const shot of SHOTS) await take(browser, server.url, shot);
  await takeDesktop(server.url, join(images, 'tagwire-desktop.png'));
  await report('tagwire-desktop');
} finally {
  await browser.close();
  await server.close();
  await rm(data, { recursive: true });
}

/** Writes each post at its time, by the server's clock. */
async function writeScene(url: string): Promise<void> {
  for (const { minutesAgo, ...post } of SCENE) {
    clock.goBack(minutesAgo);
    const response = await fetch(`${url}/api/posts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(post),
    });
    if (!response.ok) throw new Error(`A post of the scene was refused: ${await response.text()}`);
  }
  clock.goBack(0);
}

async function take(browser: Browser, url: string, { name, path, theme, width, height }: Shot): Promise<void> {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme: theme, locale: 'en-GB' });
  await page.addInitScript(() => {
    localStorage.setItem('tagwire:settings', JSON.stringify({ introSeen: true }));
  });
  await page.goto(`${url}/${path}`);
  await page.getByText('Restore drill passed').first().waitFor();
  await page.getByText('Live', { exact: true }).waitFor({ state: 'attached' });
  await page.evaluate(() => document.fonts.ready);
  const file = join(images, `${name}.png`);
  await page.screenshot({ path: file, animations: 'disabled' });
  await page.close();
  await report(name);
}

/** Says what was taken, and refuses what is too large. */
async function report(name: string): Promise<void> {
  const { size } = await stat(join(images, `${name}.png`));
  console.log(`docs/images/${name}.png, ${Math.round(size / 1000)} kB`);
  if (size > MAX_BYTES) throw new Error(`${name}.png has ${size} bytes; at most ${MAX_BYTES} are allowed`);
}

/** Lets the server, which runs in this process, write posts of the past: moves this process's clock. */
function movableClock(): { goBack(minutes: number): void } {
  const RealDate = Date;
  let offsetMs = 0;
  class SceneDate extends RealDate {
    constructor(...given: [] | [string | number | Date]) {
      super(given[0] ?? RealDate.now() - offsetMs);
    }

    static override now(): number {
      return RealDate.now() - offsetMs;
    }
  }
  globalThis.Date = SceneDate as DateConstructor;
  return { goBack: (minutes) => (offsetMs = minutes * 60_000) };
}
