import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startServer } from '../e2e/server.ts';
import { isDebian, unpackPackages } from '../services/debian.ts';
import { cached, onPath, run } from '../services/install.ts';
import { freePort } from '../services/ports.ts';
import { until } from '../wait.ts';

const nginx = onPath('nginx') ?? ['/usr/sbin/nginx'].find((path) => existsSync(path));

describe('deploy/prometheus', { timeout: 300_000 }, () => {
  it.skipIf(!onPath('promtool') && !isDebian())(
    'has alert rules that are valid, and fire when they should',
    async () => {
      const promtool =
        onPath('promtool') ??
        join(
          await cached('prometheus-debian', (folder) => unpackPackages(folder, 'own', 'prometheus')),
          'usr/bin/promtool',
        );
      await run(promtool, ['check', 'rules', 'deploy/prometheus/tagwire.rules.yml']);
      await run(promtool, ['test', 'rules', 'deploy/prometheus/tagwire.rules.test.yml']);
    },
  );

  it('has a line of runbook for each alert', () => {
    const rules = readFileSync('deploy/prometheus/tagwire.rules.yml', 'utf8');
    const alerts = [...rules.matchAll(/alert: (\w+)/g)].map(([, name]) => name);
    const runbook = readFileSync('docs/operations.md', 'utf8');
    expect(alerts.filter((name) => !runbook.includes(`\`${name}\``))).toEqual([]);
    expect(alerts.length).toBeGreaterThan(5);
  });
});

describe.skipIf(nginx === undefined)('deploy/nginx', { timeout: 120_000 }, () => {
  /** The example as it is, but for its ports. */
  async function withNginx(upstream: string, edit: (conf: string) => string, work: (url: string) => Promise<void>) {
    const folder = mkdtempSync(join(tmpdir(), 'tagwire-nginx-'));
    const port = await freePort();
    const example = readFileSync('deploy/nginx/tagwire.conf', 'utf8')
      .replace('server 127.0.0.1:8080;', `server ${upstream};`)
      .replace('listen 80;', `listen 127.0.0.1:${port};`);
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${folder};`);
    const head = `daemon off; pid ${folder}/pid; error_log ${folder}/error.log; events {}`;
    const conf = `${head}\nhttp { access_log off; ${paths.join(' ')}\n${edit(example)} }`;
    writeFileSync(join(folder, 'nginx.conf'), conf);
    const child = spawn(nginx ?? '', ['-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')]);
    try {
      const url = `http://127.0.0.1:${port}`;
      await until(async () => (await fetch(`${url}/healthz`).catch(() => undefined)) !== undefined, 20_000);
      await work(url);
    } finally {
      child.kill('SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const post = (url: string) =>
    fetch(`${url}/api/posts`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Origin: url },
      body: JSON.stringify({ content: 'by nginx #proxied', author: 'Ada' }),
    });

  it('lets browsers write and streams pass as they come, and hides what is for those who run it', async () => {
    await using server = await startServer({ ALLOWED_HOSTS: '127.0.0.1', TRUST_PROXY: '127.0.0.1' });
    await withNginx(
      new URL(server.url).host,
      (conf) => conf,
      async (url) => {
        const stream = await fetch(`${url}/api/live?stream=feed:proxied`, { headers: { Accept: 'text/event-stream' } });
        const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
        let heard = '';
        const hears = async (text: string) => {
          while (!heard.includes(text)) heard += (await reader?.read())?.value ?? '';
        };
        await hears('snapshot');
        expect((await post(url)).status).toBe(201);
        await hears('by nginx');
        await reader?.cancel();
        expect((await fetch(`${url}/metrics`)).status).toBe(404);
        expect((await fetch(`${url}/readyz`)).status).toBe(404);
      },
    );
  });

  it('is told by a 403 which setting lacks where nginx does not pass the host on', async () => {
    await using server = await startServer();
    const plain = (conf: string) =>
      conf
        .replace(/proxy_set_header Host .*/, 'proxy_set_header Host $proxy_host;')
        .replaceAll('tagwire', new URL(server.url).host)
        .replace(/upstream [^}]*}/, '');
    await withNginx(new URL(server.url).host, plain, async (url) => {
      const refused = await post(url);
      expect(refused.status).toBe(403);
      expect(await refused.text()).toMatch(/PUBLIC_URL or ALLOWED_ORIGINS/);
    });
  });
});

describe('deploy/systemd', { timeout: 120_000 }, () => {
  it('starts a server that ends in order when systemd asks, and frees its port', async () => {
    const unit = readFileSync('deploy/systemd/tagwire.service', 'utf8');
    const line = /^ExecStart=(.*)$/m.exec(unit)?.[1]?.replaceAll('/opt/tagwire', process.cwd()) ?? '';
    const [program = '', ...args] = line.split(' ');
    const folder = mkdtempSync(join(tmpdir(), 'tagwire-unit-'));
    const port = await freePort();
    const child = spawn(program, args, { env: { DATA_DIR: folder, PORT: String(port) }, stdio: 'ignore' });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    const answers = async () => (await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined))?.ok === true;
    await until(answers, 60_000);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(await answers()).toBe(false);
    rmSync(folder, { recursive: true, force: true });
  });
});
