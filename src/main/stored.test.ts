import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { DEFAULT_SETTINGS, createSettings } from './settings.ts';
import { Stored, type StoredOptions } from './stored.ts';
import { fakeLog, temporaryFolder } from './testing.ts';

describe('a stored value', () => {
  it('is the fallback where there is no file', () => {
    expect(open(join(temporaryFolder(), 'a.json')).value).toEqual({ count: 0 });
  });

  it('is there again after a restart', () => {
    const path = join(temporaryFolder(), 'a.json');
    open(path).set({ count: 3 });
    expect(open(path).value).toEqual({ count: 3 });
  });

  it('leaves nothing but the file behind when it is written', () => {
    const folder = temporaryFolder();
    open(join(folder, 'a.json')).set({ count: 3 });
    expect(readdirSync(folder)).toEqual(['a.json']);
  });

  it.each([
    ['broken', '{"version":1,"data":{"cou'],
    ['of another shape', '{"version":1,"data":{"count":"three"}}'],
    ['without a version', '{"count":3}'],
    ['of a newer release', '{"version":9,"data":{"count":3}}'],
    ['of a version that there is no way from', '{"version":0,"data":{"count":3}}'],
  ])('is the fallback where the file is %s, which is put aside as it was', (_what, text) => {
    const folder = temporaryFolder();
    const path = join(folder, 'a.json');
    writeFileSync(path, text);
    const log = fakeLog();
    expect(open(path, { log }).value).toEqual({ count: 0 });
    expect(log.error).toHaveBeenCalledOnce();
    const [aside = ''] = readdirSync(folder);
    expect(aside).toMatch(/^a\.json\.unreadable-/);
    expect(readFileSync(join(folder, aside), 'utf8')).toBe(text);
    expect(existsSync(path)).toBe(false);
  });

  it('tells of each change', () => {
    const stored = open(join(temporaryFolder(), 'a.json'));
    const listener = vi.fn();
    const stop = stored.onChange(listener);
    stored.set({ count: 1 });
    stop();
    stored.set({ count: 2 });
    expect(listener.mock.calls).toEqual([[{ count: 1 }]]);
  });
});

describe('settings', () => {
  it('have their defaults for what an older file lacks', () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'settings.json'), '{"version":1,"data":{"closeToTray":true}}');
    expect(createSettings(folder, fakeLog()).value).toEqual({ ...DEFAULT_SETTINGS, closeToTray: true });
  });
});

function open(path: string, options: Partial<StoredOptions<{ count: number }>> = {}) {
  return new Stored({
    path,
    version: 1,
    schema: z.object({ count: z.number() }),
    fallback: () => ({ count: 0 }),
    log: fakeLog(),
    ...options,
  });
}
