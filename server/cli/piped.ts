import { createReadStream, createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/*
 * Tools work on files, which can be read at any place; a container may have no room for them that lasts. So what is piped
 * goes by way of a file of ours alone.
 */

/** Sends what `make` puts into a file to standard output, whole or not at all. */
export function toStandardOutput(make: (file: string) => Promise<unknown>): Promise<void> {
  return withFile(async (file) => {
    await make(file);
    await pipeline(createReadStream(file), process.stdout, { end: false });
  });
}

/** Lets `use` have what comes from standard input in a file. */
export function fromStandardInput<Result>(use: (file: string) => Promise<Result>): Promise<Result> {
  return withFile(async (file) => {
    await pipeline(process.stdin, createWriteStream(file, { mode: 0o600 }));
    return use(file);
  });
}

async function withFile<Result>(work: (file: string) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'tagwire-piped-'));
  try {
    return await work(join(folder, 'tagwire.db'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
