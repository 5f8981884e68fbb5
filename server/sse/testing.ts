import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import { InProcessPubSub } from '../messaging/in-process.ts';
import type { Message } from '../messaging/message.ts';
import { EventStreamParser, type ParsedEvent } from './parse.ts';
import { SseRouter, type SseHandler, type SseRouterOptions } from './sse-router.ts';
import type { KeyedStreamAdapter } from './stream-adapter.ts';
import type { Timers } from './timers.ts';

/** What the tests of this room stand on: shelves that hold books, a server, a client that reads events. */

export type Shelf = Record<string, string>;
export const SHELF_TOPIC = 'shelves.changed';

/** Streams `shelf:<name>`; a change is the books that were put since (`''` for one that was taken away). */
export class Shelves implements KeyedStreamAdapter {
  readonly reads = { snapshot: 0, changes: 0 };
  /** Called within each read: after the state was taken and before it is returned. */
  onRead: (kind: 'snapshot' | 'changes', stream: string) => Promise<void> = () => Promise.resolve();
  failure: Error | undefined;
  /** Changes that are remembered of each shelf. */
  memory = 100;
  readonly #publisher: InProcessPubSub;
  readonly #shelves = new Map<string, { version: number; books: Shelf; log: { version: number; put: Shelf }[] }>();
  #messages = 0;

  constructor(publisher: InProcessPubSub) {
    this.#publisher = publisher;
  }

  /** Changes a shelf, and tells so. */
  async put(name: string, put: Shelf): Promise<void> {
    this.putSilently(name, put);
    await this.tell(name);
  }

  putSilently(name: string, put: Shelf): void {
    const shelf = this.#shelf(`shelf:${name}`);
    shelf.version += 1;
    apply(shelf.books, put);
    shelf.log.push({ version: shelf.version, put });
    if (shelf.log.length > this.memory) shelf.log.shift();
  }

  async tell(name: string): Promise<void> {
    await this.#publisher.publish(message(SHELF_TOPIC, `shelf:${name}`, `shelves-${(this.#messages += 1)}`));
  }

  truth(name: string): { version: number; state: Shelf } {
    const { version, books } = this.#shelf(`shelf:${name}`);
    return { version, state: { ...books } };
  }

  streamOf(request: IncomingMessage): string {
    const name = new URL(request.url ?? '', 'http://shelves').pathname.slice(1);
    if (name === 'nowhere') throw Object.assign(new Error('there is no such shelf'), { status: 404 });
    return `shelf:${name}`;
  }

  streamsOf({ key }: Message): string[] {
    return [key];
  }

  owns(stream: string): boolean {
    return stream.startsWith('shelf:');
  }

  async snapshot(stream: string): Promise<{ version: number; state: Shelf }> {
    this.reads.snapshot += 1;
    if (this.failure) throw this.failure;
    const { version, books } = this.#shelf(stream);
    const snapshot = { version, state: { ...books } };
    await this.onRead('snapshot', stream);
    return snapshot;
  }

  async changes(stream: string, since: number): Promise<{ from: number; version: number; change: Shelf } | undefined> {
    this.reads.changes += 1;
    if (this.failure) throw this.failure;
    const { version, log } = this.#shelf(stream);
    const change: Shelf = {};
    for (const entry of log) if (entry.version > since) Object.assign(change, entry.put);
    const isKnown = since === version || (since < version && since >= (log[0]?.version ?? Infinity) - 1);
    await this.onRead('changes', stream);
    return isKnown ? { from: since, version, change } : undefined;
  }

  #shelf(stream: string) {
    let shelf = this.#shelves.get(stream);
    if (shelf === undefined) this.#shelves.set(stream, (shelf = { version: 0, books: {}, log: [] }));
    return shelf;
  }
}

export function apply(shelf: Shelf, put: Shelf): void {
  for (const [book, text] of Object.entries(put)) {
    if (text === '') Reflect.deleteProperty(shelf, book);
    else shelf[book] = text;
  }
}

export function message(topic: string, key: string, id: string, payload = '{}'): Message {
  return { id, topic, key, payload, metadata: {} };
}

/** A router over shelves on a server of its own: `/live` is multiplexed, any other path is the shelf of that name. */
export type Rig = AsyncDisposable & {
  readonly pubSub: InProcessPubSub;
  readonly shelves: Shelves;
  readonly router: SseRouter;
  readonly server: Server;
  readonly port: number;
  readonly errors: unknown[];
  readonly readErrors: unknown[];
};

export async function startRig(
  options: Partial<SseRouterOptions> = {},
  extra?: (rig: Rig) => SseHandler,
): Promise<Rig> {
  const pubSub = new InProcessPubSub();
  const shelves = new Shelves(pubSub);
  const errors: unknown[] = [];
  const readErrors: unknown[] = [];
  const router = new SseRouter({
    upstreamSubscriber: pubSub,
    errorHandler: (error, _request, response) => {
      errors.push(error);
      if (response.headersSent) return;
      response.statusCode = (error as { status?: number }).status ?? 500;
      response.end(JSON.stringify({ message: (error as Error).message, field: (error as { field?: string }).field }));
    },
    onReadError: (error) => readErrors.push(error),
    ...options,
  });
  const single = router.addHandler(SHELF_TOPIC, shelves);
  const live = router.addMultiplexHandler([SHELF_TOPIC], [shelves]);
  const server = createServer((request, response) => {
    const handler = request.url?.startsWith('/live') ? live : (other ?? single);
    handler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const rig: Rig = {
    pubSub,
    shelves,
    router,
    server,
    port: (server.address() as AddressInfo).port,
    errors,
    readErrors,
    [Symbol.asyncDispose]: async () => {
      await router.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await pubSub.close();
    },
  };
  const other = extra?.(rig);
  return rig;
}

/** An event of the multiplexed stream, its data parsed. */
export type LiveEvent = {
  readonly stream: string;
  readonly version: number;
  readonly from?: number;
  readonly state?: Shelf;
  readonly change?: Shelf;
};

/** A client that keeps all events it gets; `pause` makes it a slow one. */
export class EventClient {
  readonly events: ParsedEvent[] = [];
  readonly parser = new EventStreamParser((event) => this.events.push(event));
  readonly closed: Promise<void>;
  status = 0;
  headers: IncomingMessage['headers'] = {};
  isClosed = false;
  body = '';
  readonly #request;
  #response: IncomingMessage | undefined;

  constructor(port: number, path: string, headers: Record<string, string> = {}) {
    this.#request = get({
      host: '127.0.0.1',
      port,
      path,
      agent: false,
      headers: { accept: 'text/event-stream', ...headers },
    });
    this.closed = new Promise((resolve) => {
      const done = () => {
        this.isClosed = true;
        resolve();
      };
      this.#request.on('error', done);
      this.#request.on('response', (response) => {
        this.#response = response;
        this.status = response.statusCode ?? 0;
        this.headers = response.headers;
        response.setEncoding('utf8');
        response.on('data', (text: string) => {
          this.body += text;
          this.parser.feed(text);
        });
        response.on('error', done);
        response.on('close', done);
      });
    });
  }

  live(): LiveEvent[] {
    return this.events
      .filter(({ event }) => event === 'snapshot' || event === 'change')
      .map(({ data }) => JSON.parse(data) as LiveEvent);
  }

  pause(): void {
    this.#response?.pause();
  }

  resume(): void {
    this.#response?.resume();
  }

  close(): void {
    this.#request.destroy();
  }
}

/** Timers that stand still until they are told to go on. */
export class FakeTimers implements Timers {
  readonly #tasks = new Set<{ at: number; everyMs: number | undefined; run: () => void }>();
  #now = 0;

  now(): number {
    return this.#now;
  }

  get size(): number {
    return this.#tasks.size;
  }

  after(ms: number, run: () => void): () => void {
    return this.#add({ at: this.#now + ms, everyMs: undefined, run });
  }

  every(ms: number, run: () => void): () => void {
    return this.#add({ at: this.#now + ms, everyMs: ms, run });
  }

  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [next] = [...this.#tasks].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#now = next.at;
      if (next.everyMs === undefined) this.#tasks.delete(next);
      else next.at += next.everyMs;
      next.run();
    }
    this.#now = end;
  }

  #add(task: { at: number; everyMs: number | undefined; run: () => void }): () => void {
    this.#tasks.add(task);
    return () => this.#tasks.delete(task);
  }
}

/** A response whose client reads only when it is told to. The head is not written. */
export class FakeResponse extends Writable {
  readonly socket = null;
  statusCode = 0;
  headersSent = false;
  text = '';
  #isStuck = false;
  #goOn: (() => void) | undefined;

  constructor() {
    super({ highWaterMark: 16 });
  }

  setHeader(): void {
    /* The head is not looked at. */
  }

  appendHeader(): void {
    /* The head is not looked at. */
  }

  removeHeader(): void {
    /* The head is not looked at. */
  }

  flushHeaders(): void {
    this.headersSent = true;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    if (this.#isStuck) this.#goOn = done;
    else done();
  }

  stick(): void {
    this.#isStuck = true;
  }

  unstick(): void {
    this.#isStuck = false;
    const goOn = this.#goOn;
    this.#goOn = undefined;
    goOn?.();
  }
}

/** Hands a request to a handler without a network. */
export function callHandler(handler: SseHandler, url: string, headers: Record<string, string> = {}): FakeResponse {
  const response = new FakeResponse();
  const request = { method: 'GET', url, headers: { accept: 'text/event-stream', ...headers }, httpVersionMajor: 1 };
  handler(request as unknown as IncomingMessage, response as unknown as ServerResponse);
  return response;
}
