import { cp, readdir, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { holdsWithin } from '../wait.ts';
import type { Fault, Scene } from './faults.ts';
import { metricsOf } from './http.ts';

/*
 * NATS comes back without what it had acknowledged: an acknowledgement that was not on disk yet, a volume that was restored,
 * a disk that was changed. What is in the outbox must make all of it good, and nobody has to do anything.
 */

/** From the return of NATS until all that was accepted before is in its feeds, and a new post shows everywhere. */
const LIMIT_MS = 60_000;

/** `store` is NATS' folder; `copy` is where the state before is kept. */
export function storageFaults(store: string, copy: string): readonly Fault[] {
  return [
    loss('NATS loses its store', () => rm(store, { recursive: true, force: true })),
    loss('NATS is rolled back to a copy', async () => {
      const before = `${copy}-now`;
      await cp(store, before, { recursive: true, force: true });
      if (await isThere(copy)) {
        await rm(store, { recursive: true, force: true });
        await cp(copy, store, { recursive: true });
      }
      await rm(copy, { recursive: true, force: true });
      await cp(before, copy, { recursive: true });
      await rm(before, { recursive: true });
    }),
    loss('NATS loses the end of its files', async () => {
      for (const file of await filesOf(store)) {
        const { size } = await stat(file);
        if (file.endsWith('.blk') && size > 0) await truncate(file, Math.floor(size / 2));
      }
    }),
  ];
}

function loss(kind: string, damage: () => Promise<void>): Fault {
  return {
    ...{ kind, lane: 'nats', limitMs: LIMIT_MS, isKill: true },
    async inject(scene) {
      const { nats } = scene.deployment.services ?? {};
      if (nats === undefined) throw new Error('There is no NATS in this deployment');
      await nats.service.kill('SIGKILL');
      await damage();
      await nats.service.restart();
      const confirmedMs = await untilConfirmed(scene, performance.now());
      return {
        kills: 1,
        note: `all that was accepted before is in its feeds after ${(confirmedMs / 1000).toFixed(1)} s`,
      };
    },
  };
}

/** Until the oldest event that the read model may lack is younger than the fault. */
async function untilConfirmed({ deployment }: Scene, since: number): Promise<number> {
  const done = await holdsWithin(LIMIT_MS, async () => {
    const server = deployment.servers.find(({ isUp }) => isUp);
    const metrics = await metricsOf(server?.port ?? 0).catch(() => new Map<string, number>());
    const oldest = ['', 'unconfirmed_'].map((state) => metrics.get(`tagwire_outbox_${state}oldest_seconds`));
    const elapsed = (performance.now() - since) / 1000;
    return oldest.every((seconds) => seconds !== undefined && seconds < elapsed);
  });
  if (!done) throw new Error(`Events from before were not projected within ${LIMIT_MS / 1000} s`);
  return performance.now() - since;
}

async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
