import { createServer, type RequestListener } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import { bareLoop, compressed, memoryRouter } from './small-servers.ts';
import { tagwire } from './tagwire-server.ts';

/* The server under measurement, a process of its own, so that its CPU time and memory are its own. */

/** `gzip` and `h2c` are the SseRouter with every stream compressed, and over HTTP/2 without TLS. */
export type Variant = 'tagwire' | 'router' | 'bare' | 'bare-buffer' | 'bare-socket' | 'gzip' | 'h2c';
export type TargetOptions = { readonly variant: Variant; readonly dataDir: string; readonly port: number };

export type TargetRequest =
  | { readonly do: 'usage' | 'memory' | 'reads' }
  | { readonly do: 'seed'; readonly feed: string; readonly posts: number };

/** In µs; `systemUs`, the kernel's part, where it is known. */
export type CpuTime = { readonly totalUs: number; readonly systemUs: number | undefined };

export type TargetAnswer =
  | { readonly kind: 'listening'; readonly port: number; readonly h2Port: number }
  | { readonly kind: 'usage'; readonly cpu: CpuTime }
  | { readonly kind: 'memory'; readonly bytes: number }
  | { readonly kind: 'seeded' }
  | { readonly kind: 'reads'; readonly reads: number };

export type Target = {
  readonly listener: RequestListener;
  /** Fills a feed, where the variant keeps any. */
  readonly seed?: (feed: string, posts: number) => Promise<void>;
  /** Reads made for streams so far. */
  readonly reads?: () => number;
};

const { variant, dataDir, port } = JSON.parse(process.argv[2] ?? '{}') as TargetOptions;
const target = await make();

function make(): Target | Promise<Target> {
  if (variant === 'tagwire') return tagwire(dataDir);
  if (variant === 'bare') return bareLoop();
  if (variant === 'bare-buffer') return bareLoop('buffer');
  if (variant === 'bare-socket') return bareLoop('socket');
  return variant === 'gzip' ? compressed(memoryRouter()) : memoryRouter();
}

function answer(message: TargetAnswer): void {
  process.send?.(message);
}

const h1 = createServer({ maxHeaderSize: 192 * 1024 }, target.listener);
const h2 = createHttp2Server(target.listener as unknown as Parameters<typeof createHttp2Server>[0]);
const [ownPort, h2Port] = await Promise.all([listen(h1, port), listen(h2, 0)]);
answer({ kind: 'listening', port: ownPort, h2Port });

function listen(server: Server, on: number): Promise<number> {
  return new Promise((resolve) => {
    server.listen({ port: on, host: '127.0.0.1', backlog: 16_384 }, () =>
      resolve((server.address() as AddressInfo).port),
    );
  });
}

process.on('message', (request: TargetRequest) => {
  if (request.do === 'seed') {
    void target.seed?.(request.feed, request.posts).then(() => answer({ kind: 'seeded' }));
  } else if (request.do === 'reads') {
    answer({ kind: 'reads', reads: target.reads?.() ?? 0 });
  } else if (request.do === 'memory') {
    globalThis.gc?.();
    answer({ kind: 'memory', bytes: process.memoryUsage.rss() });
  } else {
    const { user, system } = process.cpuUsage();
    answer({ kind: 'usage', cpu: { totalUs: user + system, systemUs: system } });
  }
});

process.on('disconnect', () => process.exit());
