import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { LoadAnswer, LoadReport, LoadRequest, Protocol } from './load-process.ts';

const LIMIT_MS = 120_000;

/** Very many clients in a process of their own. */
export class Load {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = fork(fileURLToPath(new URL('load-process.ts', import.meta.url)));
  }

  /** Opens so many connections, going round the paths; resolves when each has got its first bytes. In ms. */
  async open(port: number, paths: readonly string[], count: number, protocol: Protocol = 'http1'): Promise<number> {
    const opened = await this.#ask({ do: 'open', port, paths, count, protocol }, 'opened');
    return opened.tookMs;
  }

  /** Begins to count anew; {@link reached} then resolves at every so many events. */
  async begin(every: number): Promise<void> {
    await this.#ask({ do: 'begin', every }, 'begun');
  }

  async reached(): Promise<void> {
    await this.#ask(undefined, 'reached');
  }

  async report(): Promise<LoadReport> {
    return (await this.#ask({ do: 'report' }, 'report')).report;
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.send({ do: 'close' } satisfies LoadRequest);
    const cut = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(cut);
  }

  #ask<Kind extends LoadAnswer['kind']>(
    request: LoadRequest | undefined,
    kind: Kind,
  ): Promise<Extract<LoadAnswer, { kind: Kind }>> {
    return new Promise((resolve, reject) => {
      const done = () => {
        clearTimeout(limit);
        this.#child.off('message', receive);
        this.#child.off('exit', gone);
      };
      const receive = (answer: LoadAnswer) => {
        if (answer.kind !== kind && answer.kind !== 'failed') return;
        done();
        if (answer.kind === 'failed') reject(new Error(`The load generator failed: ${answer.message}`));
        else resolve(answer as Extract<LoadAnswer, { kind: Kind }>);
      };
      const gone = () => {
        done();
        reject(new Error('The load generator ended'));
      };
      const limit = setTimeout(() => {
        done();
        reject(new Error(`The load generator did not get to "${kind}" in ${LIMIT_MS / 1000} s`));
      }, LIMIT_MS);
      this.#child.on('message', receive);
      this.#child.on('exit', gone);
      if (request !== undefined) this.#child.send(request);
    });
  }
}
