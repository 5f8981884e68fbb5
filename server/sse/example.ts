import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InProcessPubSub } from '../messaging/in-process.ts';
import { SseRouter } from './sse-router.ts';
import type { KeyedStreamAdapter } from './stream-adapter.ts';

/*
 * Tallies that one can watch. Run `node server/sse/example.ts`, then in two terminals:
 *
 *     curl -N -H 'Accept: text/event-stream' http://127.0.0.1:8765/tallies/tea
 *     curl -X POST http://127.0.0.1:8765/tallies/tea
 */

const TOPIC = 'tallies.changed';
const tallies = new Map<string, number>();
const pubSub = new InProcessPubSub();

const adapter: KeyedStreamAdapter = {
  owns: (stream) => stream.startsWith('tally:'),
  streamOf: (request) => `tally:${request.url?.split('/')[2] ?? ''}`,
  streamsOf: (message) => [message.key],
  // The count is its own version: it only grows.
  snapshot: async (stream) => ({ version: tallies.get(stream) ?? 0, state: { count: tallies.get(stream) ?? 0 } }),
  changes: async (stream, from) => {
    const version = tallies.get(stream) ?? 0;
    return version < from ? undefined : { from, version, change: { add: version - from } };
  },
};

const router = new SseRouter({
  upstreamSubscriber: pubSub,
  errorHandler: (error, _request, response) => {
    const { status = 500, message } = error as Error & { status?: number };
    if (!response.headersSent) response.writeHead(status).end(message);
  },
});
const one = router.addHandler(TOPIC, adapter);
const many = router.addMultiplexHandler(TOPIC, [adapter]);

const server = createServer((request, response) => {
  if (request.url?.startsWith('/live')) many(request, response);
  else if (request.method !== 'POST') one(request, response);
  else {
    const stream = adapter.streamOf(request);
    const count = (tallies.get(stream) ?? 0) + 1;
    tallies.set(stream, count);
    void pubSub.publish({ id: `${stream}-${count}`, topic: TOPIC, key: stream, payload: '', metadata: {} });
    response.writeHead(204).end();
  }
});

server.listen(Number(process.argv[2] ?? 8765), '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});

process.once('SIGTERM', () => {
  server.close();
  void router.drain(1_000);
});
