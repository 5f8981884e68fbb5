/*
 * A process for sqlite-kill.test.ts: creates and edits posts as fast as it can, and prints `<id> <version>` for each
 * command that was acknowledged, until it is killed.
 */
import { pino } from 'pino';
import { openSqlitePosts } from './sqlite-post-store.ts';
import { newPost } from './write-model-under-test.ts';

const { store } = openSqlitePosts({ path: process.argv[2] ?? '', logger: pino({ level: 'silent' }) });

/** Waits for a reader that is slow, where `writeSync` would fail with EAGAIN. */
function print(line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(line, (error) => (error ? reject(error) : resolve()));
  });
}

async function write(): Promise<never> {
  for (;;) {
    const result = await store.create(newPost(), { idempotencyKey: crypto.randomUUID() });
    if (result.kind === 'key-reused') throw new Error('a random key was used twice');
    await print(`${result.post.id} 1\n`);
    await store.update(result.post.id, { content: 'Edited' });
    await print(`${result.post.id} 2\n`);
  }
}

await Promise.all(Array.from({ length: 8 }, write));
