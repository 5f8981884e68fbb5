import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer } from '../e2e/server.ts';
import { commandIn, isDebian, unpackPackages } from '../services/debian.ts';
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

/** Runs a proxy while `work` uses it. */
async function withProxy(port: number, [program, ...args]: string[], work: (url: string) => Promise<void>, env = {}) {
  const child = spawn(program ?? '', args, { env: { ...process.env, ...env }, stdio: 'ignore' });
  try {
    const url = `http://127.0.0.1:${port}`;
    await until(async () => (await fetch(`${url}/healthz`).catch(() => undefined)) !== undefined, 20_000);
    await work(url);
  } finally {
    child.kill('SIGTERM');
  }
}

const post = (url: string) =>
  fetch(`${url}/api/posts`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Origin: url },
    body: JSON.stringify({ content: 'by a proxy #proxied', author: 'Ada' }),
  });

/** Browsers write, streams pass as they come and end with their clients, and what is for those who run it is hidden. */
async function isGoodProxy(url: string, server: string): Promise<void> {
  const stream = await fetch(`${url}/api/live?stream=feed:proxied`, { headers: { Accept: 'text/event-stream' } });
  const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
  let heard = '';
  const hears = async (text: string) => {
    while (!heard.includes(text)) heard += (await reader?.read())?.value ?? '';
  };
  await hears('snapshot');
  expect((await post(url)).status).toBe(201);
  await hears('by a proxy');
  await reader?.cancel();
  const streams = async () =>
    /^tagwire_sse_connections (\d+)/m.exec(await (await fetch(`${server}/metrics`)).text())?.[1];
  // At once, and not only when the next heartbeat finds nobody.
  await until(async () => (await streams()) === '0', 8_000);
  expect((await fetch(`${url}/metrics`)).status).toBe(404);
  expect((await fetch(`${url}/readyz`)).status).toBe(404);
}

const BEHIND_PROXY = { ALLOWED_HOSTS: '127.0.0.1', TRUST_PROXY: '127.0.0.1' };

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
    const command = [nginx ?? '', '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')];
    await withProxy(port, command, work).finally(() => rmSync(folder, { recursive: true, force: true }));
  }

  it('lets browsers write and streams pass as they come, and hides what is for those who run it', async () => {
    await using server = await startServer(BEHIND_PROXY);
    await withNginx(
      new URL(server.url).host,
      (conf) => conf,
      (url) => isGoodProxy(url, server.url),
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

/** Debian's: 2.6 of the release 12, and the newest. */
describe.skipIf(!isDebian()).each(['own', 'sid'] as const)('Caddy of Debian (%s)', { timeout: 600_000 }, (release) => {
  let folder: string;
  let env: Record<string, string>;
  let command: string[];
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tagwire-caddy-'));
    env = { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
    const name = release === 'own' ? 'caddy-debian' : 'caddy-debian-sid';
    const unpacked = await cached(name, (target) => unpackPackages(target, release, 'caddy'));
    command = release === 'own' ? [join(unpacked, 'usr/bin/caddy')] : await commandIn(unpacked, 'caddy');
  }, 600_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  // On a host, and in front of containers: each as it is, but for names and ports.
  it.each([
    ['deploy/caddy/Caddyfile', 'tagwire.example {', '127.0.0.1:8080'],
    ['deploy/Caddyfile', ':8080 {', '{$UPSTREAM:server} 8080'],
  ])('takes %s, which lets browsers write and streams pass, and hides what is inside', async (file, site, upstream) => {
    const [program = '', ...args] = command;
    const caddy = (...words: string[]) => [...args, ...words, '--adapter', 'caddyfile', '--config'];
    await run(program, [...caddy('validate'), file], { env });

    await using server = await startServer(BEHIND_PROXY);
    const { hostname, port: serverPort } = new URL(server.url);
    const port = await freePort();
    const text = readFileSync(file, 'utf8');
    expect(text).toContain(`\n${site}`);
    expect(text).toContain(upstream);
    const used = text
      .replace(`\n${site}`, `\nhttp://127.0.0.1:${port} {\n\tbind 127.0.0.1`)
      .replace(upstream, `${hostname}${upstream.includes(' ') ? ' ' : ':'}${serverPort}`);
    const conf = join(folder, 'Caddyfile');
    writeFileSync(conf, used.includes('admin off') ? used : `{\n\tadmin off\n}\n${used}`);
    await withProxy(port, [program, ...caddy('run'), conf], (url) => isGoodProxy(url, server.url), env);
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
