import { defineConfig, devices } from '@playwright/test';
import type { ShellOptions } from './tests/electron/desktop-app.ts';
import { chromiumFlags, findChromium } from './tests/services/chromium.ts';

/** End-to-end tests in a real Chromium. Each test starts the servers that it needs, on free ports. */
export default defineConfig<ShellOptions>({
  testDir: 'tests/e2e',
  outputDir: process.env.PLAYWRIGHT_OUTPUT_DIR ?? 'test-results/e2e',
  workers: 1,
  forbidOnly: Boolean(process.env.CI),
  // When all is broken, enough is known early.
  maxFailures: process.env.CI ? 20 : 0,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: [['list'], ['json', { outputFile: process.env.PLAYWRIGHT_JSON_OUTPUT_FILE ?? 'test-results/e2e.json' }]],
  use: {
    trace: 'retain-on-failure',
    screenshot: 'only-on-failure',
    launchOptions: { executablePath: findChromium(), args: chromiumFlags() },
  },
  projects: [
    { name: 'chromium', use: { ...devices['Desktop Chrome'] } },
    // The desktop shell, on the double of Electron and on its own binary (docs/testing.md).
    { name: 'desktop', testDir: 'tests/electron', use: { shellKind: 'double', actionTimeout: 10_000 } },
    { name: 'electron', testDir: 'tests/electron', use: { shellKind: 'electron', actionTimeout: 10_000 } },
  ],
});
