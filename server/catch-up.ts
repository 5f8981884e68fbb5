import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Backend } from './backend.ts';
import { ReadModelIncomplete, type ReadModel } from './feeds/read-model.ts';
import { rebuild, type RebuildOptions } from './feeds/rebuild.ts';
import { signals } from './feeds/signals.ts';
import { kindOf } from './messaging/errors.ts';
import { PROGRESS_LINE_MS, progressOf } from './progress.ts';
import { sparing } from './sparing.ts';

export type CatchUpOptions = Pick<RebuildOptions, 'onChanged'> & {
  readonly logger: Logger;
  readonly signal: AbortSignal;
};

/**
 * Fills a read model from the write model that was never filled to the end: its file was deleted, say, or the process
 * that was at it was killed. Events alone would not, for the outbox forgets what was once projected. Several processes
 * may do so at once, and beside live traffic.
 * (A read model that an old backup brought back is the operator's to rebuild: docs/operations.md.)
 */
export async function catchUp(
  { posts, readModel }: Pick<Backend, 'posts' | 'readModel'>,
  { logger, signal, onChanged }: CatchUpOptions,
): Promise<void> {
  if (await readModel.isComplete()) return;
  const total = await posts.count();
  if (total > 0) logger.warn({ posts: total }, 'The read model is not complete and is made anew from the write model');
  const tell = sparing(PROGRESS_LINE_MS, (_leftOut, line: string) =>
    logger.info(`The read model is made anew: ${line}`),
  );
  const say = progressOf('posts');
  const progress = (done: number, of: number): void => tell(say(done, of));
  const { applied } = await rebuild({ store: posts, readModel, signal, onChanged, progress });
  if (total > 0) logger.info({ applied }, 'The read model is complete');
}

export type KeptReadModel = {
  /** The same read model; reads throw `ReadModelIncomplete` while it is made anew. */
  readonly readModel: ReadModel;
  /** Throws while it is made anew. */
  check(): Promise<void>;
  /** Ends the watch, and what it is at. */
  close(): Promise<void>;
};

export type KeepCompleteOptions = { readonly logger: Logger; readonly everyMs?: number };

/** How often, in ms, it is asked whether the read model is still there. */
const LOOK_MS = 1_000;
/** What answers people: an empty feed would be a lie while the posts of the feeds are being put in. */
const READS = [
  ...(['post', 'feed', 'feeds', 'search', 'postSnapshot'] as const),
  ...(['feedSnapshot', 'feedChanges', 'feedsSnapshot', 'feedsChanges'] as const),
];

/**
 * Watches a complete read model, and fills it again when it is no longer: somebody dropped the database or a part of it,
 * or the file was broken and put aside. Watching windows are told of what comes back.
 */
export function keepComplete(
  { posts, readModel, publisher }: Pick<Backend, 'posts' | 'readModel' | 'publisher'>,
  { logger, everyMs = LOOK_MS }: KeepCompleteOptions,
): KeptReadModel {
  const closing = new AbortController();
  const { signal } = closing;
  let complete = true;

  async function look(): Promise<void> {
    if (!(await readModel.isComplete())) {
      complete = false;
      await readModel.prepare();
      const onChanged: CatchUpOptions['onChanged'] = (streams) => publisher.publish(...signals(streams, new Date()));
      await catchUp({ posts, readModel }, { logger, signal, onChanged });
    }
    complete = true;
  }

  async function watch(): Promise<void> {
    while (!signal.aborted) {
      try {
        await delay(everyMs, undefined, { signal });
        await look();
      } catch (error) {
        if (error instanceof ReadModelIncomplete) complete = false;
        // Whoever asks for something meanwhile reports an outage; it is no news here.
        else if (!signal.aborted && kindOf(error) !== 'outage') warn(error);
      }
    }
  }
  const warn = sparing(10_000, (leftOut, error: unknown) => {
    logger.warn({ err: error, leftOut }, 'The read model could not be made anew; trying again');
  });

  const refused = () => new ReadModelIncomplete('The read model is being made anew from the posts.');
  const gated = READS.map((name) => {
    const read = readModel[name] as (...given: unknown[]) => Promise<unknown>;
    return [
      name,
      async (...given: unknown[]) => {
        if (!complete) throw refused();
        return read(...given).catch((error: unknown) => {
          if (error instanceof ReadModelIncomplete) complete = false;
          throw error;
        });
      },
    ];
  });
  const watching = watch();
  return {
    readModel: { ...readModel, ...(Object.fromEntries(gated) as Pick<ReadModel, (typeof READS)[number]>) },
    check: async () => {
      if (!complete) throw refused();
    },
    async close() {
      closing.abort(new Error('The server is closing'));
      await watching;
    },
  };
}
