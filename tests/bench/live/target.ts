import { fork, type ChildProcess } from 'node:child_process';
import { Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { mark } from './clock.ts';
import type { CpuTime, TargetAnswer, TargetOptions, TargetRequest, Variant } from './target-process.ts';

/** Filling a feed with 100,000 posts takes minutes. */
const LIMIT_MS = 900_000;
/** Makes a post's JSON about 500 bytes long. */
export const FILLER = 'Lorem ipsum dolor sit amet, consectetur adipiscing elit. '.repeat(4);

/** What is measured: something that takes posts and pushes them. */
export interface Publisher {
  readonly port: number;
  /** CPU time so far. */
  cpu(): Promise<CpuTime>;
  /** Resident memory. */
  memoryBytes(): Promise<number>;
  /** Sends a marked post for a feed; resolves when it was accepted, with its bytes as JSON. */
  post(feed: string): Promise<number>;
  close(): Promise<void>;
}

/** A server process. */
export class Target implements Publisher {
  readonly port: number;
  /** For HTTP/2 without TLS. */
  readonly h2Port: number;
  readonly #child: ChildProcess;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 8 });

  static async start(variant: Variant, dataDir: string, port = 0): Promise<Target> {
    const options: TargetOptions = { variant, dataDir, port };
    const child = fork(fileURLToPath(new URL('target-process.ts', import.meta.url)), [JSON.stringify(options)], {
      execArgv: ['--expose-gc'],
    });
    const listening = await next(child, 'listening');
    return new Target(child, listening.port, listening.h2Port);
  }

  private constructor(child: ChildProcess, port: number, h2Port: number) {
    this.h2Port = h2Port;
    this.#child = child;
    this.port = port;
  }

  async cpu(): Promise<CpuTime> {
    return (await this.#ask({ do: 'usage' }, 'usage')).cpu;
  }

  async memoryBytes(): Promise<number> {
    return (await this.#ask({ do: 'memory' }, 'memory')).bytes;
  }

  async reads(): Promise<number> {
    return (await this.#ask({ do: 'reads' }, 'reads')).reads;
  }

  async seed(feed: string, posts: number): Promise<void> {
    await this.#ask({ do: 'seed', feed, posts }, 'seeded');
  }

  post(feed: string): Promise<number> {
    return postTo(this.port, this.#agent, feed);
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await ended;
    this.#agent.destroy();
  }

  async close(): Promise<void> {
    await this.kill();
  }

  #ask<Kind extends TargetAnswer['kind']>(message: TargetRequest, kind: Kind) {
    const answer = next(this.#child, kind);
    this.#child.send(message);
    return answer;
  }
}

function postTo(port: number, agent: Agent, feed: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/json' };
    const outgoing = request(
      { host: '127.0.0.1', port, agent, method: 'POST', path: '/api/posts', headers },
      (response) => {
        let bytes = 0;
        response.on('data', (chunk: Buffer) => (bytes += chunk.length));
        response.once('error', reject);
        response.once('end', () => {
          if (response.statusCode === 201) resolve(bytes);
          else reject(new Error(`A post was answered with ${String(response.statusCode)}`));
        });
      },
    );
    outgoing.once('error', reject);
    outgoing.end(
      JSON.stringify({ title: 'A post of the bench', content: `${mark()} ${FILLER}#${feed}`, author: 'bench' }),
    );
  });
}

function next<Kind extends TargetAnswer['kind']>(
  child: ChildProcess,
  kind: Kind,
): Promise<Extract<TargetAnswer, { kind: Kind }>> {
  return new Promise((resolve, reject) => {
    const done = () => {
      clearTimeout(limit);
      child.off('message', receive);
      child.off('exit', gone);
    };
    const receive = (answer: TargetAnswer) => {
      if (answer.kind !== kind) return;
      done();
      resolve(answer as Extract<TargetAnswer, { kind: Kind }>);
    };
    const gone = () => {
      done();
      reject(new Error(`The server ended before it was "${kind}"`));
    };
    const limit = setTimeout(() => {
      done();
      reject(new Error(`The server was not "${kind}" in ${LIMIT_MS / 1000} s`));
    }, LIMIT_MS);
    child.on('message', receive);
    child.on('exit', gone);
  });
}
