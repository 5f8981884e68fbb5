import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { findElectron } from './electron-binary.ts';
import { progressLine } from './progress-line.ts';
import { download } from './resumable-download.ts';

const ZIP = randomBytes(300_000);
const NAME = `electron-v45.0.0-${process.platform}-${process.arch}.zip`;

it('is found where it is installed, and nothing is asked for', async () => {
  const { find, asked, file } = await project();
  file('path.txt', 'electron');
  file('dist/electron', '');
  expect(await find()).toEqual({ binary: expect.stringMatching(/node_modules\/electron\/dist\/electron$/) });
  expect(asked).toEqual([]);
});

it('is not downloaded where it may not be', async () => {
  const { find, asked } = await project();
  expect(await find(false)).toEqual({ missing: expect.stringContaining('CI') });
  expect(asked).toEqual([]);
});

it('is downloaded with its progress, and unpacked by its own installer', async () => {
  const { find, shown } = await project();
  expect(await find()).toEqual({ binary: expect.stringMatching(/dist\/electron$/) });
  expect(shown.at(-1)).toMatch(/^Getting Electron 45\.0\.0.*: 0 of 0 MB, 100 %/);
});

it('goes on from what came when the line breaks, within a start and at the next one', async () => {
  const { find, asked, serve, shown } = await project();
  // Two thirds come in two pieces, then nothing more does.
  let pieces = 0;
  serve((request, response) => {
    const from = Number(/\d+/.exec(request.headers.range ?? '0')?.[0]);
    if (++pieces > 2) return void request.socket.destroy();
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': ZIP.length - from });
    response.write(ZIP.subarray(from, from + 100_000), () => request.socket.destroy());
  });
  const ended = await find();
  expect(ended).toEqual({
    missing: expect.stringMatching(/its download ended: .*; 0 MB are kept, and the next start/),
  });
  const kept = asked.at(-1) ?? 0;
  expect(kept).toBeGreaterThan(0);

  serve(whole);
  const before = asked.length;
  expect(await find()).toEqual({ binary: expect.any(String) });
  expect(asked.slice(before)).toEqual([kept]);
  expect(shown.at(-1)).toContain('100 %');
});

it('begins anew where the server knows no ranges', async () => {
  const { find, serve } = await project();
  let tries = 0;
  serve((_request, response) => {
    response.writeHead(200, { 'content-length': ZIP.length });
    if (++tries > 1) response.end(ZIP);
    else response.write(ZIP.subarray(0, 100_000), () => response.destroy());
  });
  expect(await find()).toEqual({ binary: expect.any(String) });
});

it('is refused, and gone, when it is not what was released', async () => {
  const { find, folder, serve } = await project();
  serve((_request, response) => response.end(randomBytes(ZIP.length)));
  expect(await find()).toEqual({ missing: expect.stringMatching(/checksum|sum/i) });
  expect(existsSync(join(folder, '.cache', `${NAME}.part`))).toBe(false);
});

it('says why it failed and what to do, at each start, and is not tried again at once', async () => {
  const { find, asked, serve } = await project();
  serve((_request, response) => response.writeHead(403).end());
  expect(await find()).toEqual({
    missing: expect.stringMatching(/answered 403.*next try is in an hour, `npx install-elec/),
  });
  const tries = asked.length;
  expect(tries).toBe(1);
  expect(await find()).toEqual({
    missing: expect.stringMatching(/failed within the last hour: .*403.*npx install-elec/),
  });
  expect(asked).toHaveLength(tries);
});

it('is tried again after an hour', async () => {
  const { find, folder } = await project();
  mkdirSync(join(folder, '.cache'));
  const hourAgo = Date.now() - 3_600_000;
  writeFileSync(join(folder, '.cache/electron-download-failed'), JSON.stringify({ at: hourAgo, reason: 'no' }));
  expect(await find()).toEqual({ binary: expect.any(String) });
});

it('says that it could not be unpacked', async () => {
  const { find, file } = await project();
  file('install.js', 'console.error("no space left on device"); process.exit(1);');
  expect(await find()).toEqual({ missing: expect.stringContaining('no space left on device') });
});

it('a download that goes silent is asked for again, one that is only slow is left alone', async () => {
  const { folder, serve, mirror } = await project();
  const drips: NodeJS.Timeout[] = [];
  onTestFinished(() => drips.forEach(clearInterval));
  let requests = 0;
  serve((request, response) => {
    requests += 1;
    const from = Number(/\d+/.exec(request.headers.range ?? '0')?.[0]);
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': ZIP.length - from });
    // The first says nothing more after a third; the second brings the rest drop by drop, for longer than silence may last.
    if (requests === 1) return void response.write(ZIP.subarray(0, 100_000));
    let at = from;
    const drip = setInterval(() => {
      response.write(ZIP.subarray(at, (at += 10_000)));
      if (at < ZIP.length) return;
      clearInterval(drip);
      response.end();
    }, 50);
    drips.push(drip);
  });
  const target = join(folder, 'got');
  const partial = join(folder, 'part');
  await download(`${mirror}x`, target, { partial, onProgress: () => undefined, silenceMs: 800, pauseMs: 10 });
  expect(readFileSync(target).equals(ZIP)).toBe(true);
  expect(requests).toBe(2);
});

it('tells the time that is left by the pace of this try', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const line = progressLine('Getting it');
  expect(line({ received: 60e6, total: 120e6 })).toBe('Getting it: 60 of 120 MB, 50 %');
  vi.advanceTimersByTime(10_000);
  expect(line({ received: 61e6, total: 120e6 })).toBe('Getting it: 61 of 120 MB, 50 %, 10 min left');
  expect(line({ received: 61e6, total: undefined })).toBe('Getting it: 61 MB');
});

const whole: RequestListener = (request, response) => {
  const from = Number(/\d+/.exec(request.headers.range ?? '0')?.[0]);
  response.writeHead(from > 0 ? 206 : 200, { 'content-length': ZIP.length - from });
  response.end(ZIP.subarray(from));
};

/** A project with the package but not its binary, and a mirror that has it. */
async function project() {
  const folder = mkdtempSync(join(tmpdir(), 'tagwire-electron-'));
  const asked: number[] = [];
  const shown: string[] = [];
  let answer = whole;
  const server = createServer((request, response) => {
    asked.push(Number(/\d+/.exec(request.headers.range ?? '0')?.[0]));
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const mirror = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  onTestFinished(() => {
    server.close().closeAllConnections();
    rmSync(folder, { recursive: true, force: true });
    vi.unstubAllEnvs();
  });
  vi.stubEnv('ELECTRON_MIRROR', mirror);
  vi.stubEnv('electron_config_cache', join(folder, 'cache'));
  const file = (path: string, text: string) => {
    const full = join(folder, 'node_modules/electron', path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, text);
  };
  file('package.json', '{"version":"45.0.0","type":"commonjs"}');
  file('checksums.json', JSON.stringify({ [NAME]: createHash('sha256').update(ZIP).digest('hex') }));
  // As the real one: it takes the file from the cache.
  file(
    'install.js',
    `const fs = require('fs');
     const found = fs.readdirSync(process.env.electron_config_cache, { recursive: true }).some((name) => name.endsWith('.zip'));
     if (!found) process.exit(1);
     fs.mkdirSync(__dirname + '/dist');
     fs.writeFileSync(__dirname + '/dist/electron', '');
     fs.writeFileSync(__dirname + '/path.txt', 'electron');`,
  );
  return {
    folder,
    mirror,
    asked,
    shown,
    file,
    serve: (listener: RequestListener) => void (answer = listener),
    find: (mayDownload = true) => findElectron({ root: folder, mayDownload, show: (line) => void shown.push(line) }),
  };
}
