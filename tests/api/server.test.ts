import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { readConfig } from '../../server/config.ts';
import { startServer } from '../../server/server.ts';
import { VERSION } from '../../server/version.ts';
import { apiAt, startEmbedded } from './api.ts';

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

  it('carries so many streams of one address, and says when to come back', async () => {
    await using api = await startEmbedded({ STREAMS_PER_ADDRESS: '2' });
    const open = () => fetch(`${api.url}/api/live?stream=feeds`, { headers: { Accept: 'text/event-stream' } });

    const [first, second, third] = [await open(), await open(), await open()];

    expect([first.status, second.status, third.status]).toEqual([200, 200, 429]);
    expect(third.headers.get('content-type')).toBe('application/problem+json');
    expect(Number(third.headers.get('retry-after'))).toBeGreaterThan(0);
    await Promise.all([first, second].map(({ body }) => body?.cancel()));
    await vi.waitFor(async () => {
      const again = await open();
      expect(again.status).toBe(200);
      await again.body?.cancel();
    });
  });

  it('waits for its services, says for which, and logs no password', { timeout: 30_000 }, async () => {
    const lines: string[] = [];
    const log = pino({ level: 'trace' }, { write: (line) => void lines.push(line) });
    const config = readConfig({
      PORT: '0',
      MYSQL_URL: 'mysql://tagwire:hidden@127.0.0.1:9/tagwire',
      MONGO_URL: 'mongodb://tagwire:hidden@127.0.0.1:9/tagwire',
      NATS_URL: 'nats://tagwire:hidden@127.0.0.1:9',
      ALLOWED_HOSTS: 'tagwire.example',
    });
    const server = await startServer(config, { logger: log });
    const { request } = apiAt(server.url);

    expect((await request('/metrics')).text).toContain('tagwire_part_up{part="mysql"} 0');
    const { ready, parts } = (await request('/readyz')).json<{ ready: boolean; parts: object }>();
    expect({ ready, parts: Object.keys(parts) }).toEqual({ ready: false, parts: ['mysql', 'mongo', 'nats'] });
    expect((await request('/api/feeds')).problem()).toMatchObject({ status: 503 });
    expect((await request('/healthz')).status).toBe(200);
    await vi.waitFor(() => {
      for (const name of ['MySQL', 'MongoDB', 'NATS']) expect(lines.join('')).toContain(name);
    }, 20_000);

    await server.close(1_000);
    expect(lines.join('')).not.toContain('hidden');
  });

  it('logs the address that the proxy in front names, also of a stream, and no stack for what is not there now', async () => {
    const lines: string[] = [];
    const log = pino({ level: 'info' }, { write: (line) => void lines.push(line) });
    const config = readConfig({ PORT: '0', DATA_DIR: join(folder, 'logged'), TRUST_PROXY: '127.0.0.1' });
    const server = await startServer(config, { logger: log });
    const headers = { 'X-Forwarded-For': '192.0.2.7' };
    await apiAt(server.url).request('/api/feeds', { headers });
    const stream = await fetch(`${server.url}/api/live?stream=feeds`, {
      headers: { ...headers, Accept: 'text/event-stream' },
    });
    await stream.body?.cancel();

    await vi.waitFor(() => {
      const requests = lines.map((line) => JSON.parse(line) as { req?: { url: string; from: string } });
      const from = requests.flatMap(({ req }) => (req ? [`${req.url} ${req.from}`] : []));
      expect(from).toEqual(['/api/feeds 192.0.2.7', '/api/live?stream=feeds 192.0.2.7']);
    });
    await server.close(1_000);
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
      expect(text).toContain(`tagwire_build_info{version="${VERSION}",node="${process.version}"} 1`);
      for (const part of ['writeModel', 'readModel', 'projection']) {
        expect(text).toContain(`tagwire_part_up{part="${part}"} 1`);
      }
      const failed = 'tagwire_handler_seconds_count{handler="projector:posts.deleted",outcome="failed"} 0';
      expect(text).toContain(failed);
    });
    await stream.body?.cancel();
  });
});
