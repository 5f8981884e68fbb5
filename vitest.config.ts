import { defineConfig } from 'vitest/config';

/** `unit` needs nothing; `services` (files named *.service.test.ts) runs against real MySQL, MongoDB and NATS. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{contract,server,src,scripts,tests}/**/*.test.ts'],
          exclude: ['**/*.service.test.ts', '**/node_modules/**'],
          // Only there to end what hangs: a busy machine may take long.
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'services',
          include: ['{server,tests}/**/*.service.test.ts'],
          globalSetup: ['tests/services/setup.ts'],
          fileParallelism: false,
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
