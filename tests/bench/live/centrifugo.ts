import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '../../services/ports.ts';
import { mark } from './clock.ts';
import { cpuOf, memoryOf } from './process-figures.ts';
import type { Publisher } from './target.ts';

/* (d): Centrifugo, with what Tagwire promises too: a history of 100 messages, from which clients recover. */

const VERSION = 'v6.9.1';
const ROOT = new URL('../../../.cache/centrifugo/', import.meta.url).pathname;
const PROGRAM = join(ROOT, 'centrifugo');
const CHANNEL = 'bench';
/** One connection for each client, subscribed to the channel from its latest message on. */
export const CENTRIFUGO_PATH = `/connection/uni_sse?cf_connect=${encodeURIComponent(
  JSON.stringify({ subs: { [CHANNEL]: { recover: true } } }),
)}`;

export const isCentrifugoThere = (): boolean => existsSync(PROGRAM);

/** Builds it with Go. */
export async function installCentrifugo(): Promise<void> {
  await promisify(execFile)('go', ['install', `github.com/centrifugal/centrifugo/v6@${VERSION}`], {
    env: { ...process.env, GOBIN: ROOT },
  });
}

export async function startCentrifugo(event: string): Promise<Publisher> {
  const folder = await mkdtemp(join(tmpdir(), 'tagwire-centrifugo-'));
  const port = await freePort();
  const config = join(folder, 'config.json');
  await writeFile(config, JSON.stringify(configuration(port)));
  const child = spawn(PROGRAM, ['--config', config], { stdio: ['ignore', 'ignore', 'inherit'] });
  const endToo = () => child.kill('SIGTERM');
  process.once('exit', endToo);
  await untilItAnswers(port);
  const pid = child.pid as number;
  const agent = new Agent({ keepAlive: true });
  return {
    port,
    cpu: async () => ({ totalUs: await cpuOf(pid), systemUs: undefined }),
    memoryBytes: () => memoryOf(pid),
    post: () => publish(port, agent, event),
    async close() {
      agent.destroy();
      process.off('exit', endToo);
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function configuration(port: number) {
  return {
    http_server: { address: '127.0.0.1', port: String(port) },
    http_api: { insecure: true },
    log: { level: 'error' },
    // No tokens, and no pings, which the others do not send in the time that is measured either.
    client: {
      insecure: true,
      ping_interval: '10m',
      pong_timeout: '1m',
      connection_limit: 0,
    },
    uni_sse: { enabled: true },
    channel: {
      without_namespace: {
        history_size: 100,
        history_ttl: '300s',
        force_recovery: true,
        allow_subscribe_for_client: true,
        allow_subscribe_for_anonymous: true,
      },
    },
  };
}

async function untilItAnswers(port: number): Promise<void> {
  for (let i = 0; i < 100; i++) {
    const answers = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    );
    if (answers) return;
    await delay(50);
  }
  throw new Error('Centrifugo did not answer within 5 s');
}

/** Publishes what the others push for a post; it makes no post, whose length it could tell. */
function publish(port: number, agent: Agent, event: string): Promise<number> {
  const body = `{"channel":"${CHANNEL}","data":${event.replace('MARK', mark())}}`;
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/json' };
    const to = { host: '127.0.0.1', port, agent, method: 'POST', path: '/api/publish', headers };
    const outgoing = request(to, (response) => {
      let answer = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
      response.once('end', () => {
        if (response.statusCode === 200 && !answer.includes('"error"')) resolve(NaN);
        else reject(new Error(`Centrifugo answered with ${String(response.statusCode)} ${answer}`));
      });
    });
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}
