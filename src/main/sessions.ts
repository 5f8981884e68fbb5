import { join } from 'node:path';
import type { SafeStorage } from 'electron';
import { z } from 'zod';
import type { Log } from './logs.ts';
import { Stored } from './stored.ts';

export type KeptSessionsOptions = {
  readonly safeStorage: Pick<SafeStorage, 'isEncryptionAvailable' | 'encryptString' | 'decryptString'>;
  readonly stored: Stored<Record<string, string>>;
  readonly log: Log;
};

export function storedSessions(directory: string, log: Log): Stored<Record<string, string>> {
  return new Stored({
    path: join(directory, 'sessions.json'),
    version: 1,
    schema: z.record(z.string(), z.string()),
    fallback: () => ({}),
    log,
  });
}

/**
 * The signed-in sessions of remote profiles over a restart, encrypted by the system's key store. Where there is
 * none they live as long as the app runs: better to sign in again than to leave a session readable on disk.
 */
export class KeptSessions {
  readonly #options: KeptSessionsOptions;
  readonly #memory = new Map<string, string>();

  constructor(options: KeptSessionsOptions) {
    this.#options = options;
    const { safeStorage, stored, log } = options;
    if (!safeStorage.isEncryptionAvailable()) return;
    for (const [id, encrypted] of Object.entries(stored.value)) {
      try {
        this.#memory.set(id, safeStorage.decryptString(Buffer.from(encrypted, 'base64')));
      } catch (error) {
        log.warn(`the session of profile ${id} cannot be decrypted; it has to sign in again`, error);
      }
    }
  }

  all(): Record<string, string> {
    return Object.fromEntries(this.#memory);
  }

  /** Keeps a session's cookies as the gateway gave them; empty forgets it. */
  set(profileId: string, cookies: string): void {
    if (cookies === '') this.#memory.delete(profileId);
    else this.#memory.set(profileId, cookies);
    const { safeStorage, stored } = this.#options;
    if (!safeStorage.isEncryptionAvailable()) return;
    const encrypted = [...this.#memory].map(([id, text]) => [id, safeStorage.encryptString(text).toString('base64')]);
    stored.set(Object.fromEntries(encrypted));
  }
}
