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
  #sessions: Map<string, string> | undefined;

  constructor(options: KeptSessionsOptions) {
    this.#options = options;
  }

  /** Not before the app is ready: until then Electron says that it cannot encrypt. */
  all(): Record<string, string> {
    return Object.fromEntries(this.#opened());
  }

  /** Keeps a session's cookies as the gateway gave them; empty forgets it. */
  set(profileId: string, cookies: string): void {
    const sessions = this.#opened();
    if (cookies === '') sessions.delete(profileId);
    else sessions.set(profileId, cookies);
    const { safeStorage, stored } = this.#options;
    if (!safeStorage.isEncryptionAvailable()) return;
    const encrypted = [...sessions].map(([id, text]) => [id, safeStorage.encryptString(text).toString('base64')]);
    stored.set(Object.fromEntries(encrypted));
  }

  #opened(): Map<string, string> {
    if (this.#sessions !== undefined) return this.#sessions;
    const { safeStorage, stored, log } = this.#options;
    const sessions = new Map<string, string>();
    const encrypted = safeStorage.isEncryptionAvailable() ? Object.entries(stored.value) : [];
    for (const [id, text] of encrypted) {
      try {
        sessions.set(id, safeStorage.decryptString(Buffer.from(text, 'base64')));
      } catch (error) {
        log.warn(`the session of profile ${id} cannot be decrypted; it has to sign in again`, error);
      }
    }
    this.#sessions = sessions;
    return sessions;
  }
}
