import { get, type ClientRequest, type IncomingMessage } from 'node:http';
import { SILENCE_MS } from '../../contract/streams.ts';
import { EventStreamParser } from '../../server/sse/parse.ts';
import { step } from '../../src/renderer/live/stream-state.ts';
import { parseServerEvent, type StateEvent } from '../../src/renderer/live/wire.ts';
import { foldState } from '../../contract/fold.ts';
import type { Random } from './random.ts';

export type WatcherOptions = {
  readonly name: string;
  readonly port: number;
  readonly streams: readonly string[];
  readonly random: Random;
  /** Told what may not be, whatever the faults: a gap, a repetition, a version that fell, a feed that holds a post twice. */
  readonly onViolation: (what: string) => void;
  /** Takes a chunk, then nothing for up to so many ms. */
  readonly slowMs?: number;
};

export type Known = { readonly version: number; readonly state: unknown };

/** How a stream went on after its client came back with a version. */
export type Resumes = { nothingOrChanges: number; snapshots: number };

/** A client of `GET /api/live`, which holds the server to the protocol as it folds what comes. */
export interface Watcher {
  readonly name: string;
  readonly states: ReadonlyMap<string, Known>;
  readonly connected: boolean;
  readonly connections: number;
  readonly resumes: Readonly<Resumes>;
  /** Ends the connection and opens another, which the balancer leads to another server, with the versions it has. */
  roam(): void;
  follow(stream: string): void;
  forget(stream: string): void;
  /** A slow reader reads as fast as it can from now on. */
  hurry(): void;
  close(): void;
}

/** Shorter than docs/protocol.md asks of clients, so that a run of a minute sees many connections. */
const RECONNECT_MS = { min: 50, max: 1_000 };

export function startWatcher(options: WatcherOptions): Watcher {
  const { name, port, random, onViolation } = options;
  const streams = new Set(options.streams);
  const states = new Map<string, Known>();
  const resumes: Resumes = { nothingOrChanges: 0, snapshots: 0 };
  let slowMs = options.slowMs ?? 0;
  let request: ClientRequest | undefined;
  let response: IncomingMessage | undefined;
  let connections = 0;
  let timer: NodeJS.Timeout | undefined;
  let slowTimer: NodeJS.Timeout | undefined;
  let closed = false;

  function connect(): void {
    const query = [...streams].map((stream) => {
      const known = states.get(stream);
      return `stream=${encodeURIComponent(stream)}${known === undefined ? '' : `@${known.version}`}`;
    });
    const opened = get({
      host: '127.0.0.1',
      port,
      path: `/api/live?${query.join('&')}`,
      agent: false,
      headers: { Accept: 'text/event-stream' },
    });
    request = opened;
    /** Streams of which this connection has said nothing yet. */
    const silent = new Set(streams);
    const parser = new EventStreamParser(({ event, data }) => {
      const told = parseServerEvent(event, data);
      if (told !== undefined && told.kind !== 'heartbeat') take(told, silent.delete(told.stream));
    });
    opened.setTimeout(SILENCE_MS, () => opened.destroy());
    opened.on('error', () => again(opened));
    opened.on('response', (answer) => {
      if (answer.statusCode !== 200) {
        if (answer.statusCode !== 503) onViolation(`${name}: /api/live was answered with ${answer.statusCode}`);
        answer.resume();
        answer.once('close', () => again(opened));
        return;
      }
      response = answer;
      connections += 1;
      answer.setEncoding('utf8');
      answer.on('error', () => undefined); // 'close' follows
      answer.on('close', () => again(opened));
      answer.on('data', (text: string) => {
        if (request === opened) parser.feed(text);
        if (slowMs > 0) {
          answer.pause();
          slowTimer = setTimeout(() => answer.resume(), slowMs * random.next());
        }
      });
    });
  }

  function again(ended: ClientRequest): void {
    if (closed || request !== ended) return;
    request = undefined;
    response = undefined;
    const { min, max } = RECONNECT_MS;
    timer = setTimeout(connect, min + (max - min) * random.next());
  }

  function take(event: StateEvent, first: boolean): void {
    const { stream } = event;
    if (!streams.has(stream)) return;
    const known = states.get(stream);
    if (known !== undefined && first) resumes[event.kind === 'snapshot' ? 'snapshots' : 'nothingOrChanges'] += 1;
    const wrong = wrongIn(event, known);
    if (wrong !== undefined) onViolation(`${name}, ${stream}: ${wrong}`);
    const verdict = step(known, event, first, foldState);
    if (verdict.kind === 'moved') states.set(stream, verdict.next);
  }

  connect();
  return {
    name,
    states,
    get connected() {
      return response !== undefined;
    },
    get connections() {
      return connections;
    },
    resumes,
    roam() {
      const ending = request;
      if (ending === undefined) return; // it is about to connect anyway
      request = undefined;
      response = undefined;
      ending.destroy();
      connect();
    },
    follow: (stream) => void streams.add(stream),
    forget(stream) {
      streams.delete(stream);
      states.delete(stream);
    },
    hurry() {
      slowMs = 0;
      clearTimeout(slowTimer);
      response?.resume();
    },
    close() {
      closed = true;
      clearTimeout(timer);
      clearTimeout(slowTimer);
      request?.destroy();
      request = undefined;
      response = undefined;
    },
  };
}

/** What the protocol forbids in this event, for a client that opened its connection with its true versions. */
function wrongIn(event: StateEvent, known: Known | undefined): string | undefined {
  if (event.kind === 'snapshot') {
    if (known !== undefined && event.version < known.version) {
      return `version fell from ${known.version} to ${event.version}`;
    }
    const posts = (event.state as { posts?: { id: string }[] } | null)?.posts ?? [];
    const twice = posts.length - new Set(posts.map(({ id }) => id)).size;
    return twice === 0 ? undefined : `${twice} posts are in it twice`;
  }
  if (known === undefined) return 'a change came before the snapshot';
  if (event.from === known.version) return undefined;
  const { from, version } = event;
  return `a change from ${from} to ${version} came at version ${known.version}: ${from > known.version ? 'a gap' : 'a repetition'}`;
}
