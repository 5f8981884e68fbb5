import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../services/ports.ts';
import { expect, test } from './fixtures.ts';

test('npm run dev shows the app from its sources, live, and ends when it is told to', async ({ page }) => {
  test.setTimeout(120_000);
  const dataDir = await mkdtemp(join(tmpdir(), 'tagwire-dev-'));
  const dev = spawn(process.execPath, ['scripts/dev.ts'], {
    env: { ...process.env, PORT: String(await freePort()), DATA_DIR: dataDir, LOG_LEVEL: 'warn', NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<number | null>((resolve) => dev.once('exit', resolve));
  let said = '';
  dev.stdout.on('data', (chunk: Buffer) => (said += String(chunk)));
  const url = () => /http:\/\/localhost:\d+\//.exec(said)?.[0];
  try {
    await expect.poll(url, { timeout: 30_000 }).toBeDefined();
    await page.goto(url() ?? '');
    await page.getByRole('button', { name: 'Random post' }).first().click({ timeout: 60_000 });
    await expect(page.getByRole('article').first()).toBeVisible({ timeout: 20_000 });
  } finally {
    dev.kill('SIGTERM');
    expect(await ended).toBe(0);
    await rm(dataDir, { recursive: true, force: true });
  }
});
