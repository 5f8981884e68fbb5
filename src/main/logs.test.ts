import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import electronLog from 'electron-log/node.js';
import { describe, expect, it } from 'vitest';
import { diagnosticsText } from './diagnostics.ts';
import { OLD_LOGS, createLogs, rotate } from './logs.ts';
import { DEFAULT_SETTINGS } from './settings.ts';
import { temporaryFolder } from './testing.ts';

describe('logs', () => {
  it('go into files of their own', () => {
    const directory = temporaryFolder();
    const logs = createLogs({ electronLog, directory, console: false });
    logs.main.error('the main process', new Error('with its reason'));
    logs.server('{"level":30,"msg":"one"}\n{"level":30,"msg":"two"}\n');
    expect(readFileSync(join(directory, 'main.log'), 'utf8')).toMatch(/the main process.*with its reason/s);
    const lines = readFileSync(join(directory, 'server.log'), 'utf8').trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(['one', 'two']);
  });

  it('are put aside when they are full, and only so many are kept', () => {
    const directory = temporaryFolder();
    const path = join(directory, 'main.log');
    for (let turn = 1; turn <= OLD_LOGS + 3; turn++) {
      writeFileSync(path, `turn ${turn}`);
      rotate({ path });
    }
    expect(existsSync(path)).toBe(false);
    expect(readFileSync(join(directory, 'main.1.log'), 'utf8')).toBe(`turn ${OLD_LOGS + 3}`);
    expect(existsSync(join(directory, `main.${OLD_LOGS}.log`))).toBe(true);
    expect(existsSync(join(directory, `main.${OLD_LOGS + 1}.log`))).toBe(false);
  });
});

describe('diagnostics', () => {
  const text = diagnosticsText({
    appVersion: '1.2.3',
    packaged: true,
    versions: { electron: '45.0.0', chrome: '150', node: '24' },
    system: { platform: 'linux', release: '6.1', arch: 'x64', memoryGb: 16 },
    screens: [{ width: 1920, height: 1080, scale: 1 }],
    server: { kind: 'running' },
    profiles: [
      { kind: 'local', id: 'local', name: 'On this computer' },
      { kind: 'remote', id: 'team', name: 'Secret project', url: 'https://secret.example:8443/x/' },
    ],
    connections: { team: { state: 'offline', since: '2026-01-01', retryAt: '', reason: 'secret.example refuses' } },
    windows: 2,
    settings: DEFAULT_SETTINGS,
    update: { kind: 'idle' },
    logs: '/logs',
    at: '2026-01-02',
  });

  it('say what runs where, and how it is doing', () => {
    expect(text).toContain('Tagwire 1.2.3, 2026-01-02');
    expect(text).toContain('Electron 45.0.0, Chromium 150, Node 24');
    expect(text).toContain('on a server (https://…:8443): offline since 2026-01-01');
  });

  it('name no server and no project', () => expect(text.toLowerCase()).not.toContain('secret'));
});
