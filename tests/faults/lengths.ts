import type { CampaignOptions } from './campaign.ts';
import type { Mode } from './deployment.ts';

type Length = Omit<CampaignOptions, 'mode' | 'seed' | 'onProgress'>;

/**
 * Each kind of fault at least once: part of `npm test`, in about 90 s for both deployments together. It runs beside
 * whatever else the machine does, so times are bounded loosely; everything else is held to as in the long run.
 */
export const SHORT: Record<Mode, Length> = {
  embedded: { kills: 2, seconds: 60, pace: { fault: [200, 1_000], longOutage: 0 }, viewers: 8, leniency: 3 },
  cluster: {
    kills: 3,
    seconds: 120,
    pace: { fault: [200, 1_200], longOutage: 0 },
    servers: 2,
    viewers: 8,
    leniency: 3,
  },
  storage: {
    kills: 3,
    seconds: 200,
    pace: { fault: [200, 1_200], longOutage: 0 },
    servers: 2,
    viewers: 8,
    leniency: 3,
  },
  shared: { kills: 4, seconds: 100, pace: { fault: [200, 1_200], longOutage: 0 }, servers: 2, viewers: 8, leniency: 3 },
};

/** What a release is held to. */
export const LONG: Record<Mode, Length> = {
  embedded: {
    kills: 30,
    seconds: 300,
    pace: { fault: [200, 4_000], longOutage: 0 },
    killWeight: 4,
    waitForIdleStreams: true,
  },
  shared: {
    kills: 100,
    seconds: 1_500,
    pace: { fault: [200, 4_000], longOutage: 130_000 },
    killWeight: 4,
    waitForIdleStreams: true,
  },
  /** Some 200 posts a second. */
  storage: {
    kills: 60,
    seconds: 4_000,
    pace: { fault: [200, 4_000], longOutage: 0 },
    writers: 40,
    waitForIdleStreams: true,
  },
  cluster: {
    kills: 30,
    seconds: 1_500,
    pace: { fault: [2_000, 12_000], longOutage: 0 },
    waitForIdleStreams: true,
  },
};
