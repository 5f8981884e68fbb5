import type { RequestListener } from 'node:http';
import type { Logger } from 'pino';
import { catchUp } from '../catch-up.ts';
import { openEmbedded } from '../embedded.ts';
import { readiness } from '../http/health.ts';
import { createMetrics } from '../http/metrics.ts';
import { startTagwire } from '../tagwire.ts';

export type LocalServerOptions = {
  readonly dataDir: string;
  readonly version: string;
  readonly logger: Logger;
};

export type LocalServer = {
  /** Answers `/api` and the streams; whoever listens has guarded the request already. */
  readonly handle: RequestListener;
  /** Ends streams, projection and databases, in this order, each within `graceMs`. */
  close(graceMs: number): Promise<void>;
};

/** The embedded server without a socket of its own: the gateway hands it the local profile's requests. */
export async function openLocalServer({ dataDir, version, logger }: LocalServerOptions): Promise<LocalServer> {
  const stopping = new AbortController();
  const backend = await openEmbedded({ dataDir, logger });
  try {
    await catchUp(backend, { logger, signal: stopping.signal });
    const tagwire = await startTagwire(backend, {
      logger,
      version,
      metrics: createMetrics(version),
      ready: () => readiness(backend.checks),
      // Only the app's own windows get here: there is nobody to hold back.
      writesPerMinute: 0,
    });
    return {
      handle: tagwire.app,
      async close(graceMs) {
        stopping.abort();
        await tagwire.drain(graceMs);
        await tagwire.close(graceMs);
        await backend.close();
      },
    };
  } catch (error) {
    await backend.close();
    throw error;
  }
}
