import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { Problem } from '../../contract/problem.ts';

/** An answer as it came over the wire. */
export type RawAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Throws where the answer is no problem. */
  problem(): Problem;
};

/**
 * Sends bytes as they are, and gives everything that comes back until the server closes the connection, or until
 * nothing came for `quietMs`.
 */
export async function sendRaw(url: string, bytes: string | Buffer, quietMs = 1_000): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  const chunks: Buffer[] = [];
  let last = performance.now();
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    last = performance.now();
  });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => undefined);
  socket.write(bytes);
  const quiet = async (): Promise<void> => {
    while (chunks.length === 0 || performance.now() - last < quietMs) {
      await wait(20);
      if (socket.destroyed) return;
    }
  };
  await Promise.race([closed, quiet()]);
  socket.destroy();
  return Buffer.concat(chunks).toString('latin1');
}

/** The first answer to bytes that are sent as they are. */
export async function askRaw(url: string, bytes: string | Buffer): Promise<RawAnswer> {
  return parseAnswer(await sendRaw(url, bytes, 300));
}

/** The first answer in what came over a connection. */
export function parseAnswer(text: string): RawAnswer {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const [first = '', ...lines] = head.split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => line.split(/: ?(.*)/s, 2)).map(([name = '', value = '']) => [name.toLowerCase(), value]),
  );
  const body = Buffer.from(rest.join('\r\n\r\n'), 'latin1').toString();
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1] ?? 0),
    headers,
    body,
    problem() {
      if (headers['content-type'] !== 'application/problem+json') throw new Error(`No problem: ${text}`);
      return Problem.parse(JSON.parse(body));
    },
  };
}

/** A connection that stays open, for those who do not read, or not send. */
export function open(url: string): Socket {
  const { hostname, port } = new URL(url);
  return connect({ host: hostname, port: Number(port) }).on('error', () => undefined);
}
