import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { readConfig } from '../../server/config.ts';
import { startServer } from '../../server/server.ts';
import { startEmbedded } from './api.ts';

const logger = pino({ level: 'silent' });
const folder = mkdtempSync(join(tmpdir(), 'tagwire-server-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a server', () => {
  it('names the port that is taken, and the next one', async () => {
    const other = createServer();
    const port = await new Promise<number>((resolve) => {
      other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port));
    });
    const config = readConfig({ PORT: String(port), DATA_DIR: join(folder, 'a') });

    await expect(startServer(config, { logger })).rejects.toThrow(`Port ${port} is in use; try PORT=${port + 1}`);
    other.close();
  });

  it('leaves alone a data folder that another one uses', async () => {
    const config = readConfig({ PORT: '0', DATA_DIR: join(folder, 'b') });
    const first = await startServer(config, { logger });

    await expect(startServer(config, { logger })).rejects.toThrow(/Another Tagwire is running on the data folder/);

    await first.close(1_000);
    const second = await startServer(config, { logger });
    await second.close(1_000);
  });

  it('says what it is, that it lives, and that its parts work', async () => {
    await using api = await startEmbedded();

    expect((await api.request('/api/about')).json()).toMatchObject({ name: 'tagwire', protocol: 1 });
    expect((await api.request('/healthz')).json()).toEqual({ status: 'ok' });
    expect((await api.request('/readyz')).json()).toMatchObject({
      ready: true,
      parts: { writeModel: { ok: true }, readModel: { ok: true }, projection: { ok: true } },
    });
  });

  it('takes so many writes a minute from one address, and says when the next may come', async () => {
    await using api = await startEmbedded({ RATE_LIMIT_WRITES: '2' });
    const write = () => api.request('/api/generate/post', { method: 'POST' });

    expect([(await write()).status, (await write()).status]).toEqual([201, 201]);
    const refused = await write();

    expect(refused.problem()).toMatchObject({
      status: 429,
      detail: expect.stringContaining('At most 2 writes') as string,
    });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect((await api.request('/api/feeds')).status).toBe(200);
  });

  it('counts what it does', async () => {
    await using api = await startEmbedded();
    const stream = await fetch(`${api.url}/api/live?stream=feed:counted`, { headers: { Accept: 'text/event-stream' } });
    await api.create({ content: 'a #counted', author: 'Ada' });

    await vi.waitFor(async () => {
      const { text } = await api.request('/metrics');
      const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
      expect(value('tagwire_outbox_unpublished')).toBe(0);
      expect(value('tagwire_outbox_unconfirmed')).toBe(0);
      expect(value('tagwire_dead_letters')).toBe(0);
      expect(value('tagwire_forwarded_total')).toBe(1);
      expect(value('tagwire_projection_lag_seconds_count')).toBe(1);
      expect(value('tagwire_projection_waiting')).toBe(0);
      expect(value('tagwire_sse_connections')).toBe(1);
      expect(value('tagwire_sse_pushes_total')).toBeGreaterThanOrEqual(1);
      expect(text).toContain(
        'tagwire_http_request_duration_seconds_count{method="POST",route="/api/posts",status="201"} 1',
      );
      expect(text).toContain('process_cpu_seconds_total');
    });
    await stream.body?.cancel();
  });
});
