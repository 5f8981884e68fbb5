import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from 'pino';
import { kindOf } from '../messaging/errors.ts';
import { allOrNone, gather } from '../messaging/gather.ts';
import type { Message } from '../messaging/message.ts';
import type { Publisher } from '../messaging/pubsub.ts';
import { backOff, wait, type BackOff } from '../messaging/retry.ts';
import type { DeadLetters, Outbox } from './post-store.ts';

export type ForwarderOptions = {
  readonly outbox: Outbox;
  readonly publisher: Publisher;
  /** Where messages go that the publisher will never take: one that is too large, say. */
  readonly deadLetters: Pick<DeadLetters, 'keep'>;
  readonly logger: Logger;
  /** Messages handed to the publisher at once. Default 200. */
  readonly batchSize?: number;
  /** How often, in ms ± 25 %, to sweep the outbox. Default 1,000. */
  readonly pollMs?: number;
  /** After how many ms a message is stale that was never marked as published. Default 2,000. */
  readonly publishAfterMs?: number;
  /** After how many ms without a confirmation a message is stale that was. Default {@link REPUBLISH_AFTER_MS}. */
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
/** Messages that wait in memory between their commit and their turn; those beyond are left to a sweep. */
const MAX_FRESH = 2_000;
/**
 * A batch of fresh messages begins so many ms after the one before at the earliest, unless that was full: what is committed
 * meanwhile goes together, which costs the databases and the broker little more than one event.
 */
const GATHER_MS = 2;

export interface Forwarder {
  /** Sweeps up at once all that was never marked as published: call it when the broker is back. */
  wake(): void;
  /** Publishes all again that is not confirmed: call it when the broker has lost what it had. */
  republishAll(): void;
  /** Ends after the batches that are under way; what is left stays in the outbox. */
  close(): Promise<void>;
}

/**
 * Publishes what is in the outbox: each message right after its commit in this process, and whatever got stale there. That
 * is what was committed before the start or by a process that died, what could not be published, and what nobody has confirmed
 * in time. Nobody minds the order, or a message that comes twice: who handles them goes by versions.
 */
export function startForwarder({
  outbox,
  publisher,
  deadLetters,
  logger,
  batchSize = 200,
  pollMs = 1_000,
  publishAfterMs = 2_000,
  republishAfterMs = REPUBLISH_AFTER_MS,
  republishAllAtStart = false,
  pauses = { maxMs: 5_000 },
  onForwarded,
  onFailure,
}: ForwarderOptions): Forwarder {
  const closing = new AbortController();
  let waking = new AbortController();
  /** All that was published before then, and is not confirmed, is to be published again. */
  let republishBefore = republishAllAtStart ? new Date() : undefined;
  /** The next sweep is to take all that was never marked as published, however fresh. */
  let takesAll = true;
  let failures = 0;
  const underWay = new Set<Promise<unknown>>();

  async function publish(batch: readonly Message[]): Promise<void> {
    const began = performance.now();
    const refused = await publishAll(publisher, batch);
    onForwarded?.({ messages: batch.length, durationMs: performance.now() - began });
    for (const { message, reason } of refused) {
      await deadLetters.keep({ message, handler: 'forwarder', reason, at: new Date().toISOString() });
      const fields = { messageId: message.id, topic: message.topic, reason };
      logger.error(fields, 'A message that no broker takes is a dead letter');
    }
  }

  const publishSoon = gather<Message, undefined>({
    maxGroup: batchSize,
    everyMs: GATHER_MS,
    run: allOrNone(async (batch) => {
      await publish(batch);
      return batch.map(() => undefined);
    }),
  });

  function failed(error: unknown): void {
    if (failures === 0) logger.warn({ err: error }, 'Events can not be forwarded; they wait in the outbox');
    failures += 1;
    takesAll = true;
    onFailure?.(error);
  }

  const stopListening = outbox.onCommit((messages) => {
    if (failures > 0) return; // a sweep is to find out when it works again
    for (const message of messages.slice(0, Math.max(0, MAX_FRESH - underWay.size))) {
      const published = publishSoon(message)
        .catch((error: unknown) => {
          if (failures > 0) return;
          failed(error);
          waking.abort();
        })
        .finally(() => underWay.delete(published));
      underWay.add(published);
    }
  });

  /** Publishes what is stale, batch by batch. */
  async function sweep(): Promise<void> {
    const now = Date.now();
    const bounds = {
      madeBefore: new Date(takesAll ? now + 1 : now - publishAfterMs),
      publishedBefore: republishBefore ?? new Date(now - republishAfterMs),
    };
    const all = republishBefore;
    takesAll = false;
    for (let more = true; more && !closing.signal.aborted;) {
      const messages = await outbox.stale(batchSize, bounds);
      if (messages.length > 0) {
        await publish(messages);
        await outbox.markPublished(messages.map(({ id }) => id));
      }
      more = messages.length >= batchSize;
      await nextTurn(); // SQLite and in-process pub/sub never wait: let others have their turn
    }
    if (all === republishBefore) republishBefore = undefined;
  }

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      let pauseMs = backOff(1, { initialMs: pollMs, maxMs: pollMs });
      try {
        await sweep();
        if (failures > 0) logger.info({ failures }, 'Events are forwarded again');
        failures = 0;
      } catch (error) {
        failed(error);
        pauseMs = backOff(failures, pauses);
      }
      await wait(pauseMs, waking.signal).catch(() => (waking = new AbortController()));
    }
  }

  const running = run();
  return {
    wake() {
      takesAll = true;
      waking.abort();
    },
    republishAll() {
      republishBefore = new Date();
      takesAll = true;
      waking.abort();
    },
    async close() {
      stopListening();
      closing.abort();
      waking.abort();
      await running;
      await Promise.all(underWay);
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
