import { join } from 'node:path';
import { z } from 'zod';
import { ShellSettings } from '../../contract/shell.ts';
import type { Log } from './logs.ts';
import { Stored } from './stored.ts';

export const DEFAULT_SETTINGS: ShellSettings = {
  closeToTray: false,
  startAtLogin: false,
  notifications: true,
  notificationSound: true,
  spellcheck: true,
  spellcheckLanguages: [],
  checkForUpdates: true,
};

/** The user's settings; what an older file lacks has its default. */
export function createSettings(directory: string, log: Log): Stored<ShellSettings> {
  return new Stored({
    path: join(directory, 'settings.json'),
    version: 1,
    schema: ShellSettings.partial().transform((found) => ({ ...DEFAULT_SETTINGS, ...found })),
    fallback: () => DEFAULT_SETTINGS,
    log,
  });
}

/** Feeds that notify, by profile. */
export function createFollowed(directory: string, log: Log): Stored<Record<string, string[]>> {
  return new Stored({
    path: join(directory, 'followed.json'),
    version: 1,
    schema: z.record(z.string(), z.array(z.string())),
    fallback: () => ({}),
    log,
  });
}

/** The gateway's port: kept, so that what the windows' origin stores (drafts, the outbox) is there again. */
export function createKeptPort(directory: string, log: Log): Stored<number> {
  return new Stored({
    path: join(directory, 'port.json'),
    version: 1,
    schema: z.int().min(0).max(65535),
    fallback: () => 0,
    log,
  });
}
