import { join } from 'node:path';
import { pino } from 'pino';
import { openEmbedded } from '../../../server/embedded.ts';
import { TOPICS } from '../../../server/feeds/events.ts';
import { readiness } from '../../../server/http/health.ts';
import { createMetrics } from '../../../server/http/metrics.ts';
import { SseRouter } from '../../../server/sse/sse-router.ts';
import type { StreamAdapter } from '../../../server/sse/stream-adapter.ts';
import { startTagwire } from '../../../server/tagwire.ts';
import type { Target } from './target-process.ts';

/** The original sent every post of a feed, however many there were. */
const ALL_POSTS = 1_000_000;
const SEEDED_AT_ONCE = 64;
const SEED = 'Lorem ipsum dolor sit amet. '.repeat(8);

/**
 * Tagwire as it is (embedded), and, in the same server over the same read model, (a) the original's way: under
 * /original/<tag> each push reads and serialises the whole feed for each client.
 */
export async function tagwire(dataDir: string): Promise<Target> {
  const logger = pino({ level: 'warn' });
  const metrics = createMetrics('0');
  let reads = 0;
  const countRead = metrics.sse.read;
  const sse = {
    ...metrics.sse,
    read: (kind: Parameters<NonNullable<typeof countRead>>[0]) => {
      reads += 1;
      countRead?.(kind);
    },
  };
  const backend = await openEmbedded({ dataDir: join(dataDir, 'tagwire'), logger });
  const { app } = await startTagwire(backend, {
    logger,
    version: 'bench',
    ready: () => readiness(backend.checks),
    metrics: { ...metrics, sse },
    writesPerMinute: 0,
  });
  const original = new SseRouter({
    upstreamSubscriber: backend.subscriber,
    errorHandler: (error) => logger.error({ err: error }),
  }).addHandler(TOPICS.feedsUpdated, originalAdapter(backend.readModel));
  return {
    listener: (request, response) => {
      if (request.url?.startsWith('/original/')) original(request, response);
      else app(request, response);
    },
    reads: () => reads,
    seed: async (feed, posts) => {
      for (let from = 0; from < posts; from += SEEDED_AT_ONCE) {
        const batch = Array.from({ length: Math.min(SEEDED_AT_ONCE, posts - from) }, (_, i) => from + i);
        await Promise.all(
          batch.map((i) => backend.posts.create({ title: `Seed ${i}`, content: `${SEED}#${feed}`, author: 'bench' })),
        );
      }
      const waiting = async () => {
        const { unpublished, unconfirmed } = await backend.outbox.backlog();
        return unpublished + unconfirmed;
      };
      while ((await waiting()) > 0) await new Promise((resolve) => setTimeout(resolve, 50));
    },
  };
}

function originalAdapter(readModel: { feed(name: string, page: { limit: number }): Promise<unknown> }): StreamAdapter {
  const feedOf = (url: string | undefined) => url?.split('/')[2] ?? '';
  return {
    getResponse: (request) => readModel.feed(feedOf(request.url), { limit: ALL_POSTS }),
    validate: (request, { key }) => key === `feed:${feedOf(request.url)}`,
  };
}
