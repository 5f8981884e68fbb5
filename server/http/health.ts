import type { Express } from 'express';
import { resource } from './resource.ts';

/** Resolves where the part works; throws with the reason where it does not. */
export type Check = (signal: AbortSignal) => Promise<void>;

export type PartHealth = { readonly ok: boolean; readonly ms: number; readonly detail?: string };
export type Readiness = { readonly ready: boolean; readonly parts: Readonly<Record<string, PartHealth>> };

/** How long a part may take to answer, in ms, before it counts as down. */
const CHECK_TIMEOUT_MS = 2_000;

/** Asks every part at once, each with a time limit. */
export async function readiness(checks: Readonly<Record<string, Check>>): Promise<Readiness> {
  const entries = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => [name, await askPart(check)] as const),
  );
  return { ready: entries.every(([, part]) => part.ok), parts: Object.fromEntries(entries) };
}

/**
 * `/healthz`: the process runs (restart it when not). `/readyz`: all it needs answers, so it may be sent requests;
 * 503 names the part that is down.
 */
export function healthRoutes(app: Express, ready: () => Promise<Readiness>): void {
  resource(app, '/healthz', {
    get: [(_request, response) => void response.set('Cache-Control', 'no-store').json({ status: 'ok' })],
  });
  resource(app, '/readyz', {
    get: [
      async (_request, response) => {
        const result = await ready();
        response
          .status(result.ready ? 200 : 503)
          .set('Cache-Control', 'no-store')
          .json(result);
      },
    ],
  });
}

async function askPart(check: Check): Promise<PartHealth> {
  const start = performance.now();
  const since = () => Math.round(performance.now() - start);
  const signal = AbortSignal.timeout(CHECK_TIMEOUT_MS);
  const late = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`)), {
      once: true,
    });
  });
  try {
    await Promise.race([check(signal), late]);
    return { ok: true, ms: since() };
  } catch (error) {
    return { ok: false, ms: since(), detail: error instanceof Error ? error.message : String(error) };
  }
}
