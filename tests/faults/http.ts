import { request as send } from 'node:http';

export type Answer = { readonly status: number; readonly text: string; json<T>(): T };

export type Asked = {
  readonly method?: string;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default 5,000. */
  readonly timeoutMs?: number;
};

/** One request on a connection of its own, so that the balancer sees each. Rejects where there is no whole answer in time. */
export function ask(port: number, path: string, asked: Asked = {}): Promise<Answer> {
  const { method = 'GET', body, headers = {}, timeoutMs = 5_000 } = asked;
  const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  return new Promise((resolve, reject) => {
    const outgoing = send(
      {
        host: '127.0.0.1',
        port,
        path,
        method,
        agent: false,
        signal: AbortSignal.timeout(timeoutMs),
        headers: {
          ...(bytes && { 'Content-Type': 'application/json', 'Content-Length': String(bytes.length) }),
          ...headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          if (!response.complete) return reject(new Error('The answer was cut off'));
          const text = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode ?? 0, text, json: <T>() => JSON.parse(text) as T });
        });
        response.once('close', () => reject(new Error('The connection ended within the answer')));
      },
    );
    outgoing.once('error', reject);
    outgoing.end(bytes);
  });
}

/** Values of `/metrics` by name, labels left out. */
export async function metricsOf(port: number): Promise<Map<string, number>> {
  const { text } = await ask(port, '/metrics');
  const lines = text.split('\n').filter((line) => /^tagwire_\w+ /.test(line));
  return new Map(lines.map((line) => line.split(' ')).map(([name, value]) => [name ?? '', Number(value)]));
}

/** The parts that `/readyz` says are down; `undefined` where it says that all is well. */
export async function partsDown(port: number): Promise<string[] | undefined> {
  const answer = await ask(port, '/readyz');
  if (answer.status === 200) return undefined;
  const { parts } = answer.json<{ parts: Record<string, { ok: boolean }> }>();
  return Object.keys(parts).filter((name) => parts[name]?.ok === false);
}
