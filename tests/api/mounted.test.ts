import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Backend } from '../../server/backend.ts';
import { openEmbedded } from '../../server/embedded.ts';
import { createMetrics } from '../../server/http/metrics.ts';
import { startTagwire, type Tagwire } from '../../server/tagwire.ts';
import { apiAt, type Api } from './api.ts';

const logger = pino({ level: 'silent' });
const dataDir = mkdtempSync(join(tmpdir(), 'tagwire-mounted-'));

let backend: Backend;
let tagwire: Tagwire;

beforeEach(async () => {
  backend = await openEmbedded({ dataDir, logger });
  const ready = () => Promise.resolve({ ready: true, parts: {} });
  tagwire = await startTagwire(backend, {
    logger,
    version: '1',
    ready,
    metrics: createMetrics('1'),
    writesPerMinute: 0,
  });
});
afterEach(async () => {
  await tagwire.close(1_000);
  await backend.close();
  rmSync(dataDir, { recursive: true, force: true });
});

/** Runs the test with `app` listening. */
async function listening(app: express.Express, test: (api: Api) => Promise<void>): Promise<void> {
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await test(apiAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  } finally {
    server.close();
  }
}

describe('the app under a path of another one', () => {
  const input = { content: 'a #mounted', author: 'Ada' };

  it('tells where a post is by the whole path', async () => {
    const outer = express();
    outer.use('/p/local', tagwire.app);
    await listening(outer, async ({ request }) => {
      const { headers } = await request('/p/local/api/posts', { method: 'POST', body: input });
      expect(headers['location']).toMatch(/^\/p\/local\/api\/posts\/[0-9a-f-]{36}$/);
      expect((await request(String(headers['location']))).status).toBe(200);
    });
  });

  it('does so also where the path was cut off by hand, as the desktop app’s gateway does', async () => {
    const outer = express();
    outer.use('/p/:profile/api', (request, response) => {
      request.url = `/api${request.url}`;
      tagwire.app(request, response);
    });
    await listening(outer, async ({ request }) => {
      const { headers } = await request('/p/local/api/posts?x=1', { method: 'POST', body: input });
      expect(headers['location']).toMatch(/^\/p\/local\/api\/posts\/[0-9a-f-]{36}$/);
    });
  });
});
