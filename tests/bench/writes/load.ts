import { fork } from 'node:child_process';
import { join } from 'node:path';
import type { Signals } from './model-watcher.ts';

export type ClosedLoad = {
  readonly kind: 'closed';
  readonly url: string;
  readonly writers: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
};
export type ClosedResult = {
  /** All that was answered with 201, warm-up included. */
  readonly accepted: number;
  /** Those answered within the `measureMs` after the warm-up, and how long each of them took. */
  readonly measured: number;
  readonly measureMs: number;
  readonly answerMs: readonly number[];
};

export type PacedLoad = {
  readonly kind: 'paced';
  readonly url: string;
  readonly perSecond: number;
  readonly durationMs: number;
  readonly connections: number;
  /** Streams that hold all that is posted; none where nobody is to watch. */
  readonly streams: readonly string[];
  /** Where to hear when the read model has a post; nowhere in the embedded deployment. */
  readonly signals?: Signals;
};
export type PacedResult = {
  posts: number;
  /** How long it took to send them all. */
  sentForMs: number;
  /** Posts that were not pushed to the end. */
  unseen: number;
  /** The time to the answer at the client. */
  sentToAnswerMs: number[];
  /** From the answer at the client until the read model had the post; none without `signals`. */
  answerToModelMs: number[];
  /** From the answer at the client to the push of the last of the post's feeds at the client; negative where that was first. */
  answerToPushMs: number[];
  /** From the time of creation that the server gave, just before its transaction, to that push. */
  createdToPushMs: number[];
};

export type LoadRequest = ClosedLoad | PacedLoad;

export type LoadGenerator = AsyncDisposable & {
  closed(load: Omit<ClosedLoad, 'kind'>): Promise<ClosedResult>;
  paced(load: Omit<PacedLoad, 'kind'>): Promise<PacedResult>;
};

/** Starts the process that writes; it does one load at a time, and ends with this one. */
export function startLoadGenerator(): LoadGenerator {
  const child = fork(join(import.meta.dirname, 'load-process.ts'), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ask = <Result>(request: LoadRequest) =>
    new Promise<Result>((resolve, reject) => {
      const onExit = (code: number | null) => reject(new Error(`The load generator ended with ${code}`));
      child.once('exit', onExit);
      child.once('message', (answer: { result: Result } | { error: string }) => {
        child.off('exit', onExit);
        if ('error' in answer) reject(new Error(answer.error));
        else resolve(answer.result);
      });
      child.send(request);
    });
  return {
    closed: (load) => ask<ClosedResult>({ kind: 'closed', ...load }),
    paced: (load) => ask<PacedResult>({ kind: 'paced', ...load }),
    async [Symbol.asyncDispose]() {
      const exited = new Promise((resolve) => child.once('exit', resolve));
      child.disconnect();
      await exited;
    },
  };
}
