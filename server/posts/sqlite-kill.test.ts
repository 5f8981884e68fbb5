import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { StoredPost, WriteModel } from './post-store.ts';
import { openSqlitePosts } from './sqlite-post-store.ts';
import { forwardAll } from './write-model-under-test.ts';

const WRITER = fileURLToPath(new URL('./sqlite-kill-writer.ts', import.meta.url));

/** Invariant 1 (docs/architecture.md), for the embedded write model. */
describe('a server process that is killed while it writes', () => {
  it.each([1, 2, 3, 4, 5])('keeps all that it acknowledged, with its event, and nothing half (%i)', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tagwire-kill-'));
    try {
      const path = join(folder, 'write.db');
      const acknowledged = await acknowledgedBeforeKill(path, 50 + Math.floor(Math.random() * 500));
      const posts = openSqlitePosts({ path, logger: pino({ level: 'silent' }) });
      const stored = await allPosts(posts);
      const versions = new Map(stored.map(({ id, version }) => [id, version]));
      const lost = [...acknowledged].filter(([id, version]) => (versions.get(id) ?? 0) < version);
      expect(lost).toEqual([]);
      expect(await eventsOf(posts)).toEqual(stored.flatMap(({ id, version }) => expectedEvents(id, version)).sort());
      await posts.close();
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

/** Runs the writer until it has acknowledged so many commands, and kills it. Ids with the last version acknowledged. */
async function acknowledgedBeforeKill(path: string, commands: number): Promise<Map<string, number>> {
  const writer = spawn(process.execPath, [WRITER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = new Promise((resolve) => writer.once('close', resolve));
  let output = '';
  writer.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (output.split('\n').length > commands) writer.kill('SIGKILL');
  });
  await closed;
  const lines = output.split('\n').slice(0, -1); // what follows the last line break was cut by the kill
  expect([writer.signalCode, lines.length >= commands]).toEqual(['SIGKILL', true]);
  return new Map(lines.map((line) => line.split(' ')).map(([id = '', version]) => [id, Number(version)]));
}

async function allPosts({ store }: WriteModel): Promise<StoredPost[]> {
  return store.page(undefined, 100_000);
}

/** `<id> <version>` of each event that waits in the outbox; nobody forwarded or confirmed any. */
async function eventsOf({ outbox }: WriteModel): Promise<string[]> {
  const messages = await forwardAll(outbox);
  return messages
    .map(({ key, payload }) => {
      const event = JSON.parse(payload) as { post?: { version: number }; newPost?: { version: number } };
      return `${key} ${(event.newPost ?? event.post)?.version}`;
    })
    .sort();
}

function expectedEvents(id: string, version: number): string[] {
  return Array.from({ length: version }, (_, index) => `${id} ${index + 1}`);
}
