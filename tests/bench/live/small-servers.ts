import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants, createGzip } from 'node:zlib';
import type { Post } from '../../../contract/post.ts';
import { InProcessPubSub } from '../../../server/messaging/in-process.ts';
import { encodeEvent } from '../../../server/sse/encoding.ts';
import { SseRouter } from '../../../server/sse/sse-router.ts';
import type { KeyedStreamAdapter } from '../../../server/sse/stream-adapter.ts';
import type { Target } from './target-process.ts';

/*
 * Servers without a database behind them, so that only the way to the clients differs: the floor, and the SseRouter.
 * Both take POST /api/posts and GET /api/live?stream=feed:<tag> as Tagwire does, and push the same events.
 */

const TOPIC = 'feeds.updated';

/** Ways to write one event to one client. */
export const WRITES = {
  /** (b), the floor that everything is held against. */
  string: (response, text) => response.write(text),
  buffer: (response, _text, bytes) => response.write(bytes),
  /** Past the ServerResponse; the chunk's frame is made once as well. */
  socket: (response, _text, _bytes, chunk) => response.socket?.write(chunk),
} satisfies Record<string, (response: ServerResponse, text: string, bytes: Buffer, chunk: Buffer) => unknown>;

/** A bare loop over all clients of a feed. */
export function bareLoop(way: keyof typeof WRITES = 'string'): Target {
  const write = WRITES[way];
  const clients = new Map<string, Set<ServerResponse>>();
  let version = 0;
  const subscribe = (request: IncomingMessage, response: ServerResponse) => {
    const stream = streamOf(request);
    const set = clients.get(stream) ?? new Set();
    clients.set(stream, set.add(response));
    response.on('close', () => set.delete(response));
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
    response.write(encodeEvent({ event: 'snapshot', data: JSON.stringify({ stream, version, state: null }) }));
  };
  const publish = (stream: string, post: Post) => {
    version += 1;
    const change = { total: version, put: [post], remove: [] };
    const text = encodeEvent({ event: 'change', data: JSON.stringify({ stream, from: version - 1, version, change }) });
    const bytes = Buffer.from(text);
    const chunk = Buffer.from(`${bytes.length.toString(16)}\r\n${text}\r\n`);
    for (const response of clients.get(stream) ?? []) write(response, text, bytes, chunk);
  };
  return { listener: listener(subscribe, publish) };
}

/** The SseRouter over a feed in memory. */
export function memoryRouter(): Target {
  const pubSub = new InProcessPubSub();
  const versions = new Map<string, { version: number; post: Post | undefined }>();
  const stateOf = (stream: string) => versions.get(stream) ?? { version: 0, post: undefined };
  let reads = 0;
  const adapter: KeyedStreamAdapter = {
    owns: () => true,
    streamOf,
    streamsOf: ({ key }) => [key],
    snapshot: async (stream) => ({ version: stateOf(stream).version, state: null }),
    changes: async (stream, since) => {
      const { version, post } = stateOf(stream);
      return version - since > 1
        ? undefined
        : { from: since, version, change: { total: version, put: [post], remove: [] } };
    },
  };
  const router = new SseRouter({
    upstreamSubscriber: pubSub,
    errorHandler: (error) => {
      throw error;
    },
    metrics: { read: () => (reads += 1) },
  });
  const publish = (stream: string, post: Post) => {
    const { version } = stateOf(stream);
    versions.set(stream, { version: version + 1, post });
    void pubSub.publish({ id: post.id, topic: TOPIC, key: stream, payload: '', metadata: {} });
  };
  return { listener: listener(router.addMultiplexHandler(TOPIC, [adapter]), publish), reads: () => reads };
}

/** The same, with each stream compressed as the usual middleware does it: a gzip for each, flushed at each event. */
export function compressed(target: Target): Target {
  return {
    ...target,
    listener: (request, response) => {
      if (request.method !== 'POST') gzip(response);
      target.listener(request, response);
    },
  };
}

function gzip(response: ServerResponse): void {
  const zip = createGzip();
  const write = response.write.bind(response);
  zip.on('data', (chunk: Buffer) => write(chunk));
  response.on('close', () => zip.close());
  response.setHeader('Content-Encoding', 'gzip');
  response.write = (chunk: Buffer) => zip.write(chunk);
  Object.assign(response, { flush: () => zip.flush(constants.Z_SYNC_FLUSH) });
}

function listener(
  subscribe: (request: IncomingMessage, response: ServerResponse) => void,
  publish: (stream: string, post: Post) => void,
) {
  let count = 0;
  return (request: IncomingMessage, response: ServerResponse): void => {
    if (request.method !== 'POST') {
      subscribe(request, response);
      return;
    }
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const input = JSON.parse(body) as Pick<Post, 'title' | 'content' | 'author'>;
      const tags = [...input.content.matchAll(/#(\w+)/g)].map(([, tag = '']) => tag);
      const id = `0199d5a0-5b1e-7000-8000-${String((count += 1)).padStart(12, '0')}`;
      const post: Post = { id, version: 1, ...input, tags, createdAt: new Date().toISOString(), editedAt: null };
      response.writeHead(201, { 'Content-Type': 'application/json' }).end(JSON.stringify(post));
      for (const tag of tags) publish(`feed:${tag}`, post);
    });
  };
}

function streamOf(request: IncomingMessage): string {
  return new URLSearchParams(request.url?.split('?')[1]).get('stream') ?? '';
}
