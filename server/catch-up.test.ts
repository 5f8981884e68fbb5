import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, expect, it } from 'vitest';
import { catchUp } from './catch-up.ts';
import { openEmbedded } from './embedded.ts';

const logger = pino({ level: 'silent' });
const dataDir = mkdtempSync(join(tmpdir(), 'tagwire-catch-up-'));
const signal = new AbortController().signal;

afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

it('makes a read model anew whose file was deleted, deletions included', async () => {
  const first = await openEmbedded({ dataDir, logger });
  const created = [];
  for (let n = 0; n < 3; n += 1)
    created.push(await first.posts.create({ title: `${n}`, content: '#kept', author: 'Ada' }));
  const [gone] = created;
  if (gone?.kind !== 'created') throw new Error('not created');
  await first.posts.delete(gone.post.id);
  await first.outbox.forward(10, new Date(), async (messages) => first.outbox.confirm(messages.map(({ id }) => id)));
  await first.close();
  for (const end of ['', '-wal', '-shm']) rmSync(join(dataDir, `read.db${end}`), { force: true });

  const second = await openEmbedded({ dataDir, logger });
  await catchUp(second, { logger, signal });

  const feed = await second.readModel.feed('kept');
  expect(feed.posts.map(({ title }) => title)).toEqual(['2', '1']);
  expect(await second.readModel.postSnapshot(gone.post.id)).toMatchObject({ version: 2, state: null });
  await second.close();
});
