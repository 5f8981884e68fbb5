import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serveRenderer } from './static.ts';

let directory: string;
let server: Server;
let url: string;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tagwire-static-'));
  const outer = express();
  const mounted = express();
  serveRenderer(mounted, directory);
  outer.use('/p/local', mounted);
  serveRenderer(outer, directory);
  outer.use((_request, response) => void response.status(404).end('none'));
  await new Promise<void>((resolve) => (server = outer.listen(0, '127.0.0.1', () => resolve())));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.close();
  rmSync(directory, { recursive: true, force: true });
});

function build(): void {
  mkdirSync(join(directory, 'assets'));
  writeFileSync(join(directory, 'index.html'), '<!doctype html><base href="/" /><title>Tagwire</title>');
  writeFileSync(join(directory, 'assets', 'main-abc.js'), '1');
  writeFileSync(join(directory, 'icon.svg'), '<svg/>');
}

const get = (path: string, accept = 'text/html') => fetch(`${url}${path}`, { headers: { accept } });

describe('the built renderer', () => {
  it('is the page at every address that the server has no answer for', async () => {
    build();
    for (const path of ['/', '/feed/golang', '/feed/node.js', '/feed/a.b.c', '/post/1.json', '/search?q=a.b'])
      expect(await (await get(path)).text()).toContain('<title>Tagwire');
  });

  it('is not the answer to an unknown address of the API, an unknown file, or a client that wants no page', async () => {
    build();
    expect((await get('/api/nothing')).status).toBe(404);
    expect((await get('/assets/old-file.js')).status).toBe(404);
    expect((await get('/feed/node.js', '*/*')).status).toBe(200);
    expect((await get('/old-icon.png', 'image/*,*/*;q=0.8')).status).toBe(404);
    expect((await get('/feed/golang', 'application/json')).status).toBe(404);
  });

  it('has the path at which it is mounted as its base', async () => {
    build();
    expect(await (await get('/')).text()).toContain('<base href="/" />');
    expect(await (await get('/p/local/feed/x')).text()).toContain('<base href="/p/local/" />');
  });

  it('is kept for ever where its names hold a hash, and asked for again where not', async () => {
    build();
    expect((await get('/assets/main-abc.js')).headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    for (const path of ['/', '/icon.svg']) expect((await get(path)).headers.get('cache-control')).toBe('no-cache');
  });

  it('says how to build it where it is missing, and is there as soon as it is built', async () => {
    const missing = await get('/');
    expect(missing.status).toBe(503);
    expect(await missing.text()).toContain('npm run build');

    build();
    expect((await get('/')).status).toBe(200);
  });

  it('gives out nothing from outside of its folder', async () => {
    build();
    expect((await get('/assets/..%2f..%2fetc/passwd')).status).toBeGreaterThanOrEqual(400);
  });
});
