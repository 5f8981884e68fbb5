import { parseArgs } from 'node:util';
import { runCampaign } from './campaign.ts';
import type { Mode } from './deployment.ts';
import { LONG, SHORT } from './lengths.ts';
import { failures, report } from './report.ts';

/*
 * `npm run faults`: kills, cuts and deceives the servers and what they stand on, and ends with 1 when anything was lost,
 * doubled, out of order, or too slow to come back (docs/reliability.md).
 */

const { values } = parseArgs({
  options: {
    mode: { type: 'string', default: 'both' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    short: { type: 'boolean', default: false },
    kills: { type: 'string' },
    seconds: { type: 'string' },
    leniency: { type: 'string' },
  },
});
const modes: Mode[] = values.mode === 'both' ? ['embedded', 'shared'] : [values.mode as Mode];
const seed = Number(values.seed);
const numbers = [seed, Number(values.kills ?? 1), Number(values.seconds ?? 1), Number(values.leniency ?? 1)];
if (!modes.every((mode) => mode in LONG) || !numbers.every((n) => Number.isSafeInteger(n) && n >= 0)) {
  console.error(
    'Usage: npm run faults -- [--mode embedded|shared|both|cluster|storage] [--seed N] [--short] [--kills N] [--seconds N] [--leniency N]',
  );
  process.exit(2);
}

// At exit all that was started is ended. (Libraries in here listen to signals too, and each leaves the end to the others.)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

let failed = 0;
for (const mode of modes) {
  const normal = (values.short ? SHORT : LONG)[mode];
  const began = performance.now();
  const outcome = await runCampaign({
    ...normal,
    mode,
    seed,
    kills: Number(values.kills ?? normal.kills),
    seconds: Number(values.seconds ?? normal.seconds),
    leniency: Number(values.leniency ?? normal.leniency ?? 1),
    onProgress: (line) => console.log(`${((performance.now() - began) / 1000).toFixed(0).padStart(5)} s  ${line}`),
  });
  console.log(`\n${report(outcome)}\n`);
  failed += failures(outcome).length;
}
process.exit(failed === 0 ? 0 : 1);
