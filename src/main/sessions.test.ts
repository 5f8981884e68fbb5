import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { KeptSessions, storedSessions } from './sessions.ts';
import { fakeLog, temporaryFolder } from './testing.ts';

describe('kept sessions', () => {
  it('are there again after a restart, and never readable on disk', () => {
    const folder = temporaryFolder();
    open(folder).set('team', 'sid=secret');
    expect(open(folder).all()).toEqual({ team: 'sid=secret' });
    expect(readFileSync(join(folder, 'sessions.json'), 'utf8')).not.toContain('secret');
  });

  it('are forgotten when they are empty', () => {
    const folder = temporaryFolder();
    open(folder).set('team', 'sid=secret');
    open(folder).set('team', '');
    expect(open(folder).all()).toEqual({});
  });

  it('live only as long as the app where the system cannot encrypt', () => {
    const folder = temporaryFolder();
    const sessions = open(folder, { isEncryptionAvailable: () => false });
    sessions.set('team', 'sid=secret');
    expect(sessions.all()).toEqual({ team: 'sid=secret' });
    expect(open(folder).all()).toEqual({});
  });

  it('that cannot be decrypted any more are passed over: their server asks to sign in again', () => {
    const folder = temporaryFolder();
    open(folder).set('team', 'sid=secret');
    const decryptString = () => {
      throw new Error('another key');
    };
    expect(open(folder, { decryptString }).all()).toEqual({});
  });
});

function open(folder: string, change: object = {}) {
  const safeStorage = {
    isEncryptionAvailable: () => true,
    encryptString: (text: string) => Buffer.from(text).map((byte) => byte ^ 0xff) as Buffer,
    decryptString: (encrypted: Buffer) => Buffer.from(encrypted.map((byte) => byte ^ 0xff)).toString(),
    ...change,
  };
  return new KeptSessions({ safeStorage, stored: storedSessions(folder, fakeLog()), log: fakeLog() });
}
