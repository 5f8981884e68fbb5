import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';
import type { Log } from './logs.ts';

/** For this folder's tests: a log that remembers, and a folder that is gone afterwards. */
export function fakeLog() {
  return { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() } satisfies Log;
}

export function temporaryFolder(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tagwire-main-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
