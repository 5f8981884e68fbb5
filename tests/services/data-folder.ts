import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive } from './own-process.ts';
import type { ServiceKind } from './service.ts';

export interface DataFolder {
  data: string;
  logFile: string;
  /** A short path: Unix sockets allow 107 bytes. */
  socket: string;
  /** Temporary: holds log and socket, and the data unless the caller keeps them elsewhere. Removed by `stop`. */
  ownFolder: string;
}

/** Where one service keeps its things: in the folder that the caller wants to keep, or in a temporary one. */
export async function dataFolder(kind: ServiceKind, wanted: string | undefined): Promise<DataFolder> {
  await removeOrphans();
  const folder = await mkdtemp(join(tmpdir(), `tagwire-${kind}-${process.pid}-`));
  const data = wanted ?? join(folder, 'data');
  await mkdir(data, { recursive: true });
  return { data, logFile: join(folder, 'log'), socket: join(folder, 's'), ownFolder: folder };
}

/** Folders of test runs that were SIGKILLed: MySQL's hold 200 MB each. */
async function removeOrphans(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const owner = /^tagwire-(?:mysql|mongo|nats)-(\d+)-/.exec(name)?.[1];
    if (!owner || isAlive(Number(owner))) continue;
    await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => {}); // another user's, or gone meanwhile
  }
}
