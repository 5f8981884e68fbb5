import type { StreamName } from '../../contract/streams.ts';
import type { Config } from '../config.ts';
import { TOPICS } from '../feeds/events.ts';
import { rebuild } from '../feeds/rebuild.ts';
import { signals } from '../feeds/signals.ts';
import { connectNats } from '../messaging/nats.ts';
import { EXIT, runTool } from './tool.ts';

/*
 * `npm run rebuild`: makes the read model what the write model says, beside running servers. Windows show what
 * changed: at once on a shared server, within 15 s (when watched streams are read again) on one that runs alone.
 */

const USAGE = `Usage: npm run rebuild
  Makes the read model what the write model says, in place and beside running servers.`;

await runTool({ usage: USAGE }, async ({ open, config, signal, say, progress }) => {
  const { write, readModel } = await open();
  const teller = await tellWatchers(config, signal);
  const began = performance.now();
  const result = await rebuild({
    store: write.store,
    readModel,
    signal,
    progress,
    onChanged: (streams) => teller.tell(streams),
  }).finally(() => teller.close());
  const { posts, applied, mended, recounted } = result;
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  say(`Looked at ${posts} posts in ${seconds} s: ${applied} were missing or old, ${mended} were wrong.`);
  if (recounted.length > 0) say(`Feeds counted anew: ${recounted.map((name) => `#${name}`).join(', ')}`);
  return EXIT.done;
});

type Teller = { tell(streams: readonly StreamName[]): Promise<void>; close(): Promise<void> };

/** Tells the servers which streams changed, where there is a broker to do it by. */
async function tellWatchers({ services }: Config, signal: AbortSignal): Promise<Teller> {
  if (services === undefined) return { tell: () => Promise.resolve(), close: () => Promise.resolve() };
  const { nats: url, natsPrefix: prefix } = services;
  const pubsub = await connectNats({
    url,
    prefix,
    name: 'tagwire-rebuild',
    streams: [],
    signalTopics: Object.values(TOPICS),
    signal,
  });
  return { tell: (streams) => pubsub.publish(...signals(streams, new Date())), close: () => pubsub.close() };
}
