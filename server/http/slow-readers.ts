import type { ServerResponse } from 'node:http';
import { overBounds } from '../sse/queued-bytes.ts';

export type SlowReaderBounds = {
  /** An answer has to be taken within this time, in ms. */
  readonly answerMs: number;
  /** Bytes of answers that may wait for all clients together. */
  readonly queuedBytes: number;
};

/** Why a connection was cut. */
export type Cut = { readonly reason: 'slow' | 'full'; readonly from: string; readonly bytes: number };

type Answer = { readonly response: ServerResponse; readonly since: number };

/** How often it is looked, in ms. A server can't make more than a few hundred megabytes in that time. */
const LOOK_MS = 250;

/** Watches answers until it is closed. */
export type SlowReaders = { readonly watch: (response: ServerResponse) => void; readonly close: () => void };

/**
 * Cuts off whoever does not take an answer: each has its time, and where too much waits in all, those who hold the most
 * are cut first. Event streams have bounds of their own (server/sse) and are passed over.
 */
export function dropSlowReaders(bounds: SlowReaderBounds, onCut: (cut: Cut) => void): SlowReaders {
  const answers = new Set<Answer>();
  const cut = (answer: Answer, reason: Cut['reason']) => {
    answers.delete(answer);
    onCut({ reason, from: addressOf(answer), bytes: queuedOf(answer) });
    answer.response.destroy();
  };
  const look = (): void => {
    const late = performance.now() - bounds.answerMs;
    for (const answer of answers) {
      if (isStream(answer.response)) answers.delete(answer);
      else if (answer.response.headersSent && answer.since < late) cut(answer, 'slow');
    }
    const queues = [...answers].map((of) => ({ of, client: addressOf(of), bytes: queuedOf(of) }));
    const queueBounds = { maxQueuedBytes: bounds.queuedBytes, maxQueuedBytesPerClient: Infinity };
    for (const { of } of overBounds(queues, queueBounds)) cut(of, 'full');
  };
  const timer = setInterval(look, Math.min(LOOK_MS, bounds.answerMs)).unref();
  return {
    watch(response) {
      const answer = { response, since: performance.now() };
      answers.add(answer);
      response.once('close', () => answers.delete(answer));
    },
    close: () => clearInterval(timer),
  };
}

/** Bytes that wait in the connection of the answer that is being given on it. */
function queuedOf({ response }: Answer): number {
  return response.socket?.writableLength ?? 0;
}

function addressOf({ response }: Answer): string {
  return response.req.socket.remoteAddress ?? '';
}

function isStream(response: ServerResponse): boolean {
  return String(response.getHeader('Content-Type') ?? '').startsWith('text/event-stream');
}
