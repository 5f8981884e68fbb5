import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from 'pino';
import { kindOf } from '../messaging/errors.ts';
import { backOff, type BackOff } from '../messaging/retry.ts';
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
   * meanwhile goes together, which costs the databases and the broker little more than one event. Default 2.
   */
  readonly gatherMs?: number;
  /** How often, in ms ± 20 %, to sweep the outbox. Default 1,000. */
  readonly pollMs?: number;
  /** After how many ms without a confirmation a message is published again. Default {@link REPUBLISH_AFTER_MS}. */
  readonly republishAfterMs?: number;
  /** Publish all that is not confirmed at the start: for a publisher that forgets when the process ends. */
  readonly republishAllAtStart?: boolean;
  /** The pause after a failure. Default: from 100 to 5,000 ms. */
  readonly pauses?: BackOff;
  /** Told how long the publisher took for a batch. */
  readonly onForwarded?: (forwarded: { readonly messages: number; readonly durationMs: number }) => void;
  readonly onFailure?: (error: unknown) => void;
};

export const REPUBLISH_AFTER_MS = 30_000;
/** Messages that are kept in memory between their commit and their turn; those beyond are left to the next sweep. */
const MAX_FRESH = 2_000;

export interface Forwarder {
  /** Sweeps the outbox now, even in the pause after a failure: call it when the broker is back. */
  wake(): void;
  /** Ends after the batch that is under way; what is left stays in the outbox. */
  close(): Promise<void>;
}

/**
 * Moves events from the outbox to the publisher until it is closed, one batch at a time. What is committed in this process
 * is `fresh`: it is published at once, out of memory, for it would only be read back. A sweep of the outbox does the rest:
 * what was committed before the start, by a process that died, or while the publisher was away; what nobody has confirmed
 * in time. It comes first wherever there may be older events than the fresh ones here, so that those of one post go out in
 * their order, as a rule; who handles them goes by versions.
 *
 * That fresh messages were published is written down by the next sweep, and so only for those that are not confirmed by
 * then, which are few. Until then other processes may publish them too: the broker knows them by their ids.
 */
export function startForwarder({
  outbox,
  publisher,
  deadLetters,
  logger,
  clock = () => new Date(),
  batchSize = 200,
  gatherMs = 2,
  pollMs = 1_000,
  republishAfterMs = REPUBLISH_AFTER_MS,
  republishAllAtStart = false,
  pauses = { maxMs: 5_000 },
  onForwarded,
  onFailure,
}: ForwarderOptions): Forwarder {
  const startedAt = clock();
  const pause = wakeablePause();
  let fresh: Message[] = [];
  const published = new Set<string>();
  let mustSweep = true;
  let sweepAt = 0;
  let isFirstSweep = true;
  let failures = 0;
  let closing = false;

  async function sweep(): Promise<number> {
    mustSweep = false; // from here on, what can't be kept in memory asks for another
    const staleBefore = new Date(clock().getTime() - republishAfterMs);
    const before = isFirstSweep && republishAllAtStart ? startedAt : staleBefore;
    let refused: readonly Refused[] = [];
    const messages = await outbox.forward(batchSize, before, async (batch) => {
      const swept = new Set(batch.map(({ id }) => id));
      fresh = fresh.filter(({ id }) => !swept.has(id));
      const others = batch.filter(({ id }) => !published.has(id));
      if (others.length > 0) refused = await send(others);
    });
    if (messages < batchSize) published.clear(); // each of them is marked or confirmed, or in the hands of somebody else
    // Only now, for their rows were locked. If this fails they come again, as published and not confirmed.
    await keep(refused);
    return messages;
  }

  async function publishFresh(): Promise<number> {
    const batch = fresh.splice(0, batchSize);
    if (batch.length === 0) return 0;
    const refused = await send(batch);
    for (const { id } of batch) published.add(id);
    await keep(refused);
    return batch.length;
  }

  async function send(batch: readonly Message[]): Promise<readonly Refused[]> {
    const began = performance.now();
    const refused = await publishAll(publisher, batch);
    onForwarded?.({ messages: batch.length, durationMs: performance.now() - began });
    return refused;
  }

  async function keep(refused: readonly Refused[]): Promise<void> {
    for (const { message, reason } of refused) {
      await deadLetters.keep({ message, handler: 'forwarder', reason, at: clock().toISOString() });
      logger.error(
        { messageId: message.id, topic: message.topic, reason },
        'A message that no broker takes is a dead letter',
      );
    }
  }

  async function forwardBatch(): Promise<void> {
    const began = performance.now();
    const sweeps = mustSweep || began >= sweepAt;
    const messages = sweeps ? await sweep() : await publishFresh();
    if (failures > 0) logger.info({ failures }, 'Events are forwarded again');
    failures = 0;
    await nextTurn(); // SQLite and in-process pub/sub never wait: let others have their turn
    if (messages >= batchSize) {
      mustSweep ||= sweeps;
      return;
    }
    if (sweeps) {
      isFirstSweep = false;
      sweepAt = performance.now() + pollMs * (0.8 + 0.4 * Math.random());
    }
    if (messages > 0) await pause.orUntilWoken(gatherMs - (performance.now() - began));
    if (fresh.length === 0) await pause.orUntilCommit(sweepAt - performance.now());
  }

  async function run(): Promise<void> {
    while (!closing) {
      try {
        if (pause.wasWoken()) mustSweep = true;
        await forwardBatch();
      } catch (error) {
        onFailure?.(error);
        if (failures === 0) logger.warn({ err: error }, 'Events can not be forwarded; they wait in the outbox');
        fresh = [];
        mustSweep = true;
        failures += 1;
        await pause.orUntilWoken(backOff(failures, pauses));
      }
    }
  }

  const stopListening = outbox.onCommit((messages) => {
    if (failures === 0 && fresh.length < MAX_FRESH) fresh.push(...messages);
    else mustSweep = true;
    pause.committed();
  });
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

type Refused = { readonly message: Message; readonly reason: string };

/** Publishes a batch, and gives back what the publisher refuses for good; the others of the batch go out without it. */
async function publishAll(publisher: Publisher, batch: readonly Message[]): Promise<Refused[]> {
  try {
    await publisher.publish(...batch);
    return [];
  } catch (error) {
    if (kindOf(error) !== 'permanent') throw error;
    const [message, ...more] = batch;
    if (message === undefined) throw error;
    if (more.length === 0) return [{ message, reason: error instanceof Error ? error.message : String(error) }];
  }
  const refused: Refused[] = [];
  for (const message of batch) refused.push(...(await publishAll(publisher, [message])));
  return refused;
}

/** A pause that commits may cut short, and `wake` always does, also one that came just before. */
function wakeablePause() {
  let woken = false;
  let end: (() => void) | undefined;
  let endsOnCommit = false;

  function pause(ms: number): Promise<void> {
    if (woken || ms <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => end?.(), ms);
      end = () => {
        clearTimeout(timer);
        end = undefined;
        resolve();
      };
    });
  }

  return {
    orUntilCommit(ms: number) {
      endsOnCommit = true;
      return pause(ms);
    },
    orUntilWoken(ms: number) {
      endsOnCommit = false;
      return pause(ms);
    },
    committed() {
      if (endsOnCommit) end?.();
    },
    wake() {
      woken = true;
      end?.();
    },
    /** Whether `wake` was called since this was last asked. */
    wasWoken(): boolean {
      const was = woken;
      woken = false;
      return was;
    },
  };
}
