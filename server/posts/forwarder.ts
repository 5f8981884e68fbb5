import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from 'pino';
import { isRetryable } from '../messaging/errors.ts';
import type { Message } from '../messaging/message.ts';
import type { Publisher } from '../messaging/pubsub.ts';
import type { DeadLetters, Outbox } from './post-store.ts';

export type ForwarderOptions = {
  readonly outbox: Outbox;
  readonly publisher: Publisher;
  /** Where messages go that the publisher will never take: one that is too large, say. */
  readonly deadLetters: Pick<DeadLetters, 'keep'>;
  readonly logger: Logger;
  readonly clock?: () => Date;
  /** Messages handed to the publisher at once. Default 200. */
  readonly batchSize?: number;
  /**
   * The next batch begins so many ms after this one at the earliest, unless this one was full: what is committed
   * meanwhile goes together, which costs the databases and the broker little more than one event. Default 5.
   */
  readonly gatherMs?: number;
  /** How often, in ms ± 20 %, to look for what other processes have committed. Default 1,000. */
  readonly pollMs?: number;
  /** After how many ms without a confirmation a message is published again. Default {@link REPUBLISH_AFTER_MS}. */
  readonly republishAfterMs?: number;
  /** Publish all that is not confirmed at the start: for a publisher that forgets when the process ends. */
  readonly republishAllAtStart?: boolean;
  /** Bounds, in ms, of the growing and jittered pause after a failure. Default 100 and 5,000. */
  readonly backoffMs?: { readonly min: number; readonly max: number };
  readonly onForwarded?: (forwarded: { readonly messages: number; readonly durationMs: number }) => void;
  readonly onFailure?: (error: unknown) => void;
};

export const REPUBLISH_AFTER_MS = 30_000;

export interface Forwarder {
  /** Looks into the outbox now, even in the pause after a failure: call it when the broker is back. */
  wake(): void;
  /** Ends after the batch that is under way; what is left stays in the outbox. */
  close(): Promise<void>;
}

/**
 * Moves events from the outbox to the publisher until it is closed: at once after a local commit, but for those that
 * come right after others, else by polling; full batches follow each other without a pause. One batch is under way
 * at a time.
 */
export function startForwarder({
  outbox,
  publisher,
  deadLetters,
  logger,
  clock = () => new Date(),
  batchSize = 200,
  gatherMs = 5,
  pollMs = 1_000,
  republishAfterMs = REPUBLISH_AFTER_MS,
  republishAllAtStart = false,
  backoffMs = { min: 100, max: 5_000 },
  onForwarded,
  onFailure,
}: ForwarderOptions): Forwarder {
  const startedAt = clock();
  const pause = wakeablePause();
  let sweeping = republishAllAtStart;
  let looksBack = true;
  let lookedBackAt = -Infinity;
  let failures = 0;
  let closing = false;

  async function forwardBatch(): Promise<number> {
    const began = performance.now();
    // What is old does not get older by every commit.
    looksBack ||= sweeping || began - lookedBackAt >= pollMs;
    const before = sweeping ? startedAt : new Date(clock().getTime() - republishAfterMs);
    const refused: Refused[] = [];
    const messages = await outbox.forward(batchSize, looksBack ? before : undefined, async (batch) => {
      refused.push(...(await publishAll(publisher, batch)));
    });
    // Only now, for their rows were locked. If this fails they come again, as published and not confirmed.
    for (const { message, reason } of refused) {
      await deadLetters.keep({ message, handler: 'forwarder', reason, at: clock().toISOString() });
      logger.error(
        { messageId: message.id, topic: message.topic, reason },
        'A message that no broker takes is a dead letter',
      );
    }
    if (looksBack && messages < batchSize) {
      looksBack = false;
      lookedBackAt = began;
    }
    if (messages > 0) onForwarded?.({ messages, durationMs: performance.now() - began });
    return messages;
  }

  async function run(): Promise<void> {
    while (!closing) {
      const began = performance.now();
      try {
        pause.forget();
        const messages = await forwardBatch();
        if (failures > 0) logger.info({ failures }, 'Events are forwarded again');
        failures = 0;
        await nextTurn(); // SQLite and in-process pub/sub never wait: let others have their turn
        if (messages >= batchSize) continue;
        sweeping = false;
        if (messages > 0) await pause.orUntilWoken(gatherMs - (performance.now() - began));
        looksBack = (await pause.orUntilCommit(pollMs * (0.8 + 0.4 * Math.random()))) !== 'commit';
      } catch (error) {
        onFailure?.(error);
        if (failures === 0) logger.warn({ err: error }, 'Events can not be forwarded; they wait in the outbox');
        const ceiling = Math.min(backoffMs.max, backoffMs.min * 2 ** failures);
        failures += 1;
        await pause.orUntilWoken(ceiling * (0.5 + 0.5 * Math.random()));
      }
    }
  }

  const stopListening = outbox.onCommit(pause.committed);
  const running = run();
  return {
    wake: pause.wake,
    async close() {
      closing = true;
      stopListening();
      pause.wake();
      await running;
    },
  };
}

type EndOfPause = 'time' | 'commit' | 'wake';

type Refused = { readonly message: Message; readonly reason: string };

/** Publishes a batch, and gives back what the publisher refuses for good; the others of the batch go out without it. */
async function publishAll(publisher: Publisher, batch: readonly Message[]): Promise<Refused[]> {
  try {
    await publisher.publish(...batch);
    return [];
  } catch (error) {
    if (isRetryable(error)) throw error;
    const [message, ...more] = batch;
    if (message === undefined) throw error;
    if (more.length === 0) return [{ message, reason: error instanceof Error ? error.message : String(error) }];
  }
  const refused: Refused[] = [];
  for (const message of batch) refused.push(...(await publishAll(publisher, [message])));
  return refused;
}

/** A pause that commits may cut short, and `wake` always does; both also count just before it begins. */
function wakeablePause() {
  let committed = false;
  let woken = false;
  let end: ((by: EndOfPause) => void) | undefined;
  let endsOnCommit = false;

  function pause(ms: number): Promise<EndOfPause> {
    if (woken) return Promise.resolve('wake');
    if (ms <= 0) return Promise.resolve('time');
    if (committed && endsOnCommit) return Promise.resolve('commit');
    return new Promise((resolve) => {
      const timer = setTimeout(() => end?.('time'), ms);
      end = (by) => {
        clearTimeout(timer);
        end = undefined;
        resolve(by);
      };
    });
  }

  return {
    /** From now on, only what happens later counts. */
    forget() {
      committed = false;
      woken = false;
    },
    orUntilCommit(ms: number) {
      endsOnCommit = true;
      return pause(ms);
    },
    orUntilWoken(ms: number) {
      endsOnCommit = false;
      return pause(ms);
    },
    committed() {
      committed = true;
      if (endsOnCommit) end?.('commit');
    },
    wake() {
      woken = true;
      end?.('wake');
    },
  };
}
