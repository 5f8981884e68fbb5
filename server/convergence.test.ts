import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { describeConvergence } from './convergence.contract.ts';
import { openEmbedded } from './embedded.ts';

describeConvergence(
  'the embedded deployment',
  async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'tagwire-convergence-'));
    const backend = await openEmbedded({ dataDir, logger: pino({ level: 'silent' }) });
    return {
      ...backend,
      async [Symbol.asyncDispose]() {
        await backend.close();
        rmSync(dataDir, { recursive: true });
      },
    };
  },
  25,
);
