import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { connect } from 'node:net';
import { MARK, nowUs, timeOfMark } from './clock.ts';

/*
 * The load generator: a process with very many clients that only count and time what comes. It speaks HTTP by hand
 * and looks at no more of the bytes than it must, so that it is not what is measured.
 */

/** HTTP/1.1; the same with gzip, where only events are counted; HTTP/2 without TLS, 100 streams on a connection. */
export type Protocol = 'http1' | 'gzip' | 'h2c';

export type LoadRequest =
  | {
      readonly do: 'open';
      readonly port: number;
      readonly paths: readonly string[];
      readonly count: number;
      readonly protocol: Protocol;
    }
  | { readonly do: 'begin'; readonly every: number }
  | { readonly do: 'report' }
  | { readonly do: 'close' };

export type LoadReport = {
  readonly open: number;
  readonly deliveries: number;
  readonly bytes: number;
  /** From the mark to the end of the event, in µs. */
  readonly p50Us: number;
  readonly p99Us: number;
  readonly cpuUs: number;
};

export type LoadAnswer =
  | { readonly kind: 'opened'; readonly tookMs: number }
  | { readonly kind: 'begun' | 'reached' }
  | { readonly kind: 'report'; readonly report: LoadReport }
  | { readonly kind: 'failed'; readonly message: string };

/** Connections that are being opened at once. */
const OPENING = 200;
/** One for all: each read is looked at before the next. */
const buffer = Buffer.allocUnsafe(64 * 1024);
const END = Buffer.from('\n\n');
const FLUSHED = Buffer.from([0, 0, 0xff, 0xff]);
const HEARTBEAT = Buffer.from('event: heartbeat');

type Client = {
  readonly destroy: () => void;
  greeted: boolean;
  sentAtUs: number;
  endedWithLf: boolean;
  isHeartbeat: boolean;
};

const clients = new Set<Client>();
const sessions: ClientHttp2Session[] = [];
const counts = { deliveries: 0, bytes: 0 };
let every = Infinity;
let latenciesUs: number[] = [];
let cpuAtBegin = process.cpuUsage();
let closing = false;

function answer(message: LoadAnswer): void {
  if (process.connected) process.send?.(message);
}

process.on('message', (request: LoadRequest) => {
  if (request.do === 'open') void openAll(request);
  else if (request.do === 'begin') {
    Object.assign(counts, { deliveries: 0, bytes: 0 });
    every = request.every;
    latenciesUs = [];
    cpuAtBegin = process.cpuUsage();
    answer({ kind: 'begun' });
  } else if (request.do === 'report') {
    const { user, system } = process.cpuUsage(cpuAtBegin);
    const sorted = Float64Array.from(latenciesUs).sort();
    const quantile = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
    const report = { ...counts, open: clients.size, p50Us: quantile(0.5), p99Us: quantile(0.99), cpuUs: user + system };
    answer({ kind: 'report', report });
  } else {
    closing = true;
    for (const { destroy } of clients) destroy();
    for (const session of sessions) session.destroy();
    process.disconnect?.();
  }
});

async function openAll({ port, paths, count, protocol }: Extract<LoadRequest, { do: 'open' }>): Promise<void> {
  const start = nowUs();
  let next = 0;
  const lane = async () => {
    while (next < count) {
      next += 1;
      const path = paths[next % paths.length] ?? '/';
      await (protocol === 'h2c' ? openStream(port, path) : openOne(port, path, protocol));
    }
  };
  try {
    await Promise.all(Array.from({ length: OPENING }, lane));
    answer({ kind: 'opened', tookMs: (nowUs() - start) / 1_000 });
  } catch (error) {
    answer({ kind: 'failed', message: String(error) });
  }
}

/** Resolves when the first bytes have come. */
function openOne(port: number, path: string, protocol: Protocol): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = protocol === 'gzip' ? receiveGzip : receive;
    const socket = connect({
      port,
      host: '127.0.0.1',
      onread: {
        buffer,
        callback: (length) => {
          look(client, buffer.subarray(0, length));
          if (!client.greeted) {
            client.greeted = true;
            resolve();
          }
          return true;
        },
      },
    });
    const client = newClient(() => socket.destroy());
    const encoding = protocol === 'gzip' ? 'Accept-Encoding: gzip\r\n' : '';
    const head = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAccept: text/event-stream\r\n${encoding}\r\n`;
    socket.on('connect', () => socket.write(head));
    socket.on('error', reject);
    socket.on('close', () => {
      clients.delete(client);
      if (!closing && !client.greeted) reject(new Error(`${path} was closed before it began`));
    });
  });
}

function openStream(port: number, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    if (clients.size % 100 === 0) sessions.push(connectHttp2(`http://127.0.0.1:${port}`));
    const stream = sessions.at(-1)?.request({ ':path': path, accept: 'text/event-stream' });
    const client = newClient(() => stream?.destroy());
    stream?.on('data', (chunk: Buffer) => {
      receive(client, chunk);
      resolve();
    });
    stream?.on('error', reject);
  });
}

function newClient(destroy: () => void): Client {
  const client = { destroy, greeted: false, sentAtUs: 0, endedWithLf: false, isHeartbeat: false };
  clients.add(client);
  return client;
}

/** An event that was flushed ends with the mark of an empty stored block (RFC 1951, 3.2.4; zlib's Z_SYNC_FLUSH). */
function receiveGzip(client: Client, bytes: Buffer): void {
  counts.bytes += bytes.length;
  for (let at = bytes.indexOf(FLUSHED); at >= 0; at = bytes.indexOf(FLUSHED, at + 1)) finish(client);
}

/** Counts the events that end in these bytes, and takes the time of those whose mark came in one piece. */
function receive(client: Client, bytes: Buffer): void {
  counts.bytes += bytes.length;
  let from = 0;
  if (client.endedWithLf && bytes[0] === 10) {
    finish(client);
    from = 1;
  }
  for (;;) {
    if (client.sentAtUs === 0) {
      const at = bytes.indexOf(MARK, from);
      if (at >= 0) client.sentAtUs = timeOfMark(bytes, at) ?? -1;
    }
    if (bytes.compare(HEARTBEAT, 0, HEARTBEAT.length, from, Math.min(from + HEARTBEAT.length, bytes.length)) === 0) {
      client.isHeartbeat = true;
    }
    const end = bytes.indexOf(END, from);
    if (end < 0) break;
    finish(client);
    from = end + END.length;
  }
  client.endedWithLf = bytes.at(-1) === 10 && from < bytes.length;
}

function finish(client: Client): void {
  const { sentAtUs, isHeartbeat } = client;
  client.sentAtUs = 0;
  client.isHeartbeat = false;
  client.endedWithLf = false;
  if (isHeartbeat) return;
  counts.deliveries += 1;
  if (sentAtUs > 0) latenciesUs.push(nowUs() - sentAtUs);
  if (counts.deliveries % every === 0) answer({ kind: 'reached' });
}

process.on('disconnect', () => process.exit());
