import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '../../services/ports.ts';
import { mark } from './clock.ts';
import { cpuOf, memoryOf } from './process-figures.ts';
import type { Publisher } from './target.ts';

/* (c): nginx with the nchan module, from Debian's packages, unpacked beside the repository's other caches. */

const run = promisify(execFile);
const PACKAGES = ['nginx', 'libnginx-mod-nchan'];
const ROOT = new URL('../../../.cache/nchan/', import.meta.url).pathname;
const NGINX = join(ROOT, 'usr/sbin/nginx');
const MODULE = join(ROOT, 'usr/lib/nginx/modules/ngx_nchan_module.so');
/** Compiled into the module; its directive for another place can't be used (it is always a "duplicate"). */
const TEMPORARY = '/var/lib/nginx';

export const isNchanThere = (): boolean => [NGINX, MODULE, TEMPORARY].every((path) => existsSync(path));

/** Downloads the packages with apt and unpacks them; all that the system gets is an empty folder. Needs root. */
export async function installNchan(): Promise<void> {
  await mkdir(ROOT, { recursive: true });
  await mkdir(TEMPORARY, { recursive: true });
  await run('apt-get', ['download', ...PACKAGES], { cwd: ROOT });
  for (const file of await readdir(ROOT)) if (file.endsWith('.deb')) await run('dpkg', ['-x', join(ROOT, file), ROOT]);
}

export async function startNchan(event: string): Promise<Publisher> {
  const folder = await mkdtemp(join(tmpdir(), 'tagwire-nchan-'));
  const port = await freePort();
  await writeFile(join(folder, 'nginx.conf'), configuration(folder, port));
  const master = spawn(NGINX, ['-p', folder, '-e', join(folder, 'error.log'), '-c', join(folder, 'nginx.conf')], {
    stdio: 'inherit',
  });
  const endToo = () => master.kill('SIGTERM');
  process.once('exit', endToo);
  const worker = await workerOf(master, port);
  const agent = new Agent({ keepAlive: true });
  return {
    port,
    cpu: async () => ({ totalUs: await cpuOf(worker), systemUs: undefined }),
    memoryBytes: () => memoryOf(worker),
    post: (feed) => publish(port, agent, feed, event),
    async close() {
      agent.destroy();
      process.off('exit', endToo);
      const ended = new Promise((resolve) => master.once('exit', resolve));
      master.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** One worker, as one Node process is one; nothing is stored, nothing is logged. */
function configuration(folder: string, port: number): string {
  return `
load_module ${MODULE};
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log error;
events { worker_connections 16000; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  server {
    listen 127.0.0.1:${port} backlog=16384;
    location = /api/live { nchan_subscriber eventsource; nchan_channel_id $arg_stream; nchan_eventsource_ping_interval 0; }
    location = /pub { nchan_publisher; nchan_channel_id $arg_stream; nchan_message_buffer_length 1; client_max_body_size 1m; }
  }
}
`;
}

/** Waits until it answers, and returns the process id of the worker. */
async function workerOf(master: ChildProcess, port: number): Promise<number> {
  for (let i = 0; i < 100; i++) {
    const answers = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    );
    const children = await readFile(`/proc/${String(master.pid)}/task/${String(master.pid)}/children`, 'utf8').catch(
      () => '',
    );
    const worker = Number(children.trim().split(' ')[0]);
    if (answers && worker > 0) return worker;
    await delay(50);
  }
  throw new Error('nginx did not answer within 5 s');
}

/** Publishes an event of the same length as the others push; it makes no post, whose length it could tell. */
function publish(port: number, agent: Agent, feed: string, event: string): Promise<number> {
  const body = event.replace('MARK', mark());
  return new Promise((resolve, reject) => {
    const path = `/pub?stream=feed:${feed}`;
    const outgoing = request({ host: '127.0.0.1', port, agent, method: 'POST', path }, (response) => {
      response.resume().once('end', () => {
        if (response.statusCode === 201 || response.statusCode === 202) resolve(NaN);
        else reject(new Error(`nchan answered with ${String(response.statusCode)}`));
      });
    });
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}
