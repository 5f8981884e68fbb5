import { describe, expect, it } from 'vitest';
import { serviceUrl } from '../services/urls.ts';
import { runCampaign } from './campaign.ts';
import { SHORT } from './lengths.ts';
import { failures, report } from './report.ts';

/** The same faults in each run of the tests; `npm run faults` takes others. */
const SEED = 20_261_124;
const LIMIT_MS = 240_000;
const missing = (['mysql', 'mongo', 'nats'] as const).filter((kind) => !serviceUrl(kind));

describe('a server whose process is killed, paused and deceived', () => {
  it('loses nothing, doubles nothing, and comes back', { timeout: LIMIT_MS }, async () => {
    const outcome = await runCampaign({ ...SHORT.embedded, mode: 'embedded', seed: SEED });
    expect(failures(outcome), report(outcome)).toEqual([]);
  });
});

describe.skipIf(missing.length > 0)('servers whose processes and services are killed, cut off and deceived', () => {
  it('lose nothing, double nothing, and come back', { timeout: LIMIT_MS }, async () => {
    const outcome = await runCampaign({ ...SHORT.shared, mode: 'shared', seed: SEED });
    expect(failures(outcome), report(outcome)).toEqual([]);
  });
});
