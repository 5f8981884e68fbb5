import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Between this and the fuses' version lies nothing (github.com/electron/fuses): how the tool finds them. */
export const FUSE_SENTINEL = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX';

/** Version 1 of the fuse wire, and as many fuses as it has in this Electron, all as Electron ships them. */
const FUSES = [1, 8, ...Buffer.from('10011010')];

/**
 * A stand-in for an unpacked Electron for Linux, for where the real one can't be had: the files that electron-builder
 * handles, with the fuses in the binary, so that the whole packing runs as it would.
 */
export async function makeStandInDist(directory: string, version: string): Promise<void> {
  await mkdir(join(directory, 'resources'), { recursive: true });
  await mkdir(join(directory, 'locales'));
  const binary = Buffer.concat([Buffer.from('not a program '), Buffer.from(FUSE_SENTINEL), Buffer.from(FUSES)]);
  await writeFile(join(directory, 'electron'), binary, { mode: 0o755 });
  await writeFile(join(directory, 'locales/en-US.pak'), '');
  await writeFile(join(directory, 'version'), version);
  await writeFile(join(directory, 'LICENSE'), '');
  await writeFile(join(directory, 'LICENSES.chromium.html'), '');
}
