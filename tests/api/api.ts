import { mkdtemp, rm } from 'node:fs/promises';
import { request as send } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Post } from '../../contract/post.ts';
import { Problem } from '../../contract/problem.ts';
import { readConfig } from '../../server/config.ts';
import { startServer } from '../../server/server.ts';

export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly text: string;
  /** The body as JSON; throws where it is none. */
  json<T = unknown>(): T;
  /** The body as a problem; throws where it is none. */
  problem(): Problem;
};

export type Sent = {
  readonly method?: string;
  /** An object is sent as JSON with its content type, a string or buffer as it is. */
  readonly body?: object | string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
};

/** A client of the API over real HTTP. Paths go out as they are, headers too: what `fetch` would mend stays broken. */
export interface Api {
  readonly url: string;
  request(path: string, sent?: Sent): Promise<Answer>;
  create(input: object, headers?: Readonly<Record<string, string>>): Promise<Post>;
}

export function apiAt(url: string): Api {
  const { hostname, port } = new URL(url);
  const request: Api['request'] = (path, { method = 'GET', body, headers = {} } = {}) =>
    new Promise((resolve, reject) => {
      const isJson = body !== undefined && typeof body !== 'string' && !Buffer.isBuffer(body);
      const bytes = isJson ? JSON.stringify(body) : body;
      const type = bytes === undefined ? {} : { 'Content-Type': 'application/json' };
      const length = bytes === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(bytes as string)) };
      const outgoing = send(
        { hostname, port, path, method, headers: { ...type, ...length, ...headers } },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.once('error', reject);
          response.once('end', () => {
            const text = Buffer.concat(chunks).toString();
            const json = <T>() => JSON.parse(text) as T;
            const flat = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
            resolve({
              status: response.statusCode ?? 0,
              headers: Object.fromEntries(flat) as Record<string, string>,
              text,
              json,
              problem() {
                if (response.headers['content-type'] !== 'application/problem+json')
                  throw new Error(`No problem: ${text}`);
                return Problem.parse(json());
              },
            });
          });
        },
      );
      outgoing.once('error', reject);
      outgoing.end(bytes);
    });
  return {
    url,
    request,
    async create(input, headers = {}) {
      const answer = await request('/api/posts', { method: 'POST', body: input, headers });
      if (answer.status !== 201) throw new Error(`Not created: ${answer.status} ${answer.text}`);
      return answer.json<Post>();
    },
  };
}

/** An embedded server in this process, on a data folder and a port of its own. */
export async function startEmbedded(env: Readonly<Record<string, string>> = {}): Promise<Api & AsyncDisposable> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tagwire-api-'));
  const config = readConfig({ PORT: '0', DATA_DIR: dataDir, RENDERER_DIR: join(dataDir, 'renderer'), ...env });
  const server = await startServer(config, { logger: pino({ level: 'silent' }) });
  return {
    ...apiAt(server.url),
    async [Symbol.asyncDispose]() {
      await server.close(1_000);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

export type StreamEvent = { event: string; id: string | undefined; data: string };

/** Events of a stream, which is opened when the first is asked for; see {@link eventsOf}. */
export async function* events(
  url: string,
  headers: Readonly<Record<string, string>> = {},
  signal?: AbortSignal,
): AsyncGenerator<StreamEvent> {
  yield* eventsOf(await fetch(url, { headers: { Accept: 'text/event-stream', ...headers }, signal }));
}

/** Events of a stream as they come, heartbeats left out, until it is aborted or has ended. */
export async function* eventsOf(response: Response): AsyncGenerator<StreamEvent> {
  if (response.body === null || !response.ok) throw new Error(`No stream: ${response.status} ${await response.text()}`);
  let rest = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    rest += chunk;
    const blocks = rest.split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s, 2)));
      if (fields['data'] !== undefined && fields['event'] !== 'heartbeat') {
        yield { event: fields['event'] ?? 'message', id: fields['id'], data: fields['data'] };
      }
    }
  }
}
