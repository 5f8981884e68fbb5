import { readFileSync } from 'node:fs';
import { connect, type ConnectionOptions, type NatsConnection } from '@nats-io/transport-node';
import { BrokerRefusedError } from './errors.ts';
import type { Logger } from './handler.ts';
import { typed } from './nats-answer.ts';
import { tlsRefusal } from './tls-refusal.ts';
import { retry } from './retry.ts';

export type NatsServerOptions = {
  /**
   * `nats://user:password@host:4222`, `nats://token@host`, `tls://host`, several separated by commas. TLS files come
   * as `?tls_ca=<file>&tls_cert=<file>&tls_key=<file>`. All servers share the credentials of the first.
   */
  readonly url: string;
  /** How this process appears in the broker's monitoring. */
  readonly name?: string | undefined;
  /** Ends the wait for a broker that is not there yet: `AbortSignal.timeout(60_000)`, say. Without it there is no end. */
  readonly signal?: AbortSignal | undefined;
  readonly logger?: Logger | undefined;
};

/** How soon a broker that was not there is asked again. */
export const PATIENCE = { initialMs: 100, maxMs: 1_000 };

/**
 * Connects, waiting for a broker that comes up later; from then on the connection heals itself, for ever. Throws
 * `BrokerUnavailableError` when the signal ends the wait, `BrokerRefusedError` for wrong credentials, and a TypeError for a
 * bad URL. No error or log line holds the credentials.
 */
export async function openConnection(options: NatsServerOptions): Promise<NatsConnection> {
  const { signal, logger } = options;
  const settings = toConnectionOptions(options);
  const at = `NATS at ${String(settings.servers)}`;
  const open = () =>
    connect(settings).catch((error: unknown) => {
      const tls = tlsRefusal(error);
      throw tls === undefined ? typed(error, at) : new BrokerRefusedError(`${at} refuses: ${tls}`, { cause: error });
    });
  return retry(open, {
    ...PATIENCE,
    signal,
    onRetry: (error, tried) => {
      if (tried === 1) logger?.warn({ reason: String(error) }, 'waiting for NATS');
    },
  });
}

/** Reconnects within 0.25 to 0.5 s, and takes a broker that is silent for 6 s for dead. */
export function toConnectionOptions({ url, name }: Pick<NatsServerOptions, 'url' | 'name'>): ConnectionOptions {
  const urls = url.split(',').map(parse);
  const [first] = urls as [URL, ...URL[]];
  const user = decodeURIComponent(first.username);
  const pass = decodeURIComponent(first.password);
  const file = (parameter: string): string | undefined => first.searchParams.get(parameter) ?? undefined;
  const files = { caFile: file('tls_ca'), certFile: file('tls_cert'), keyFile: file('tls_key') };
  const tls: Record<string, string> = {};
  for (const [name, path] of Object.entries(files)) if (path !== undefined) tls[name] = path;
  const secure = first.protocol === 'tls:' || Object.keys(tls).length > 0;
  for (const path of Object.values(tls)) readFileSync(path);
  return {
    servers: urls.map(({ hostname, port }) => `${hostname}:${port || '4222'}`),
    ...(name !== undefined && { name }),
    ...(user && (pass ? { user, pass } : { token: user })),
    ...(secure && { tls }),
    timeout: 5_000,
    reconnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    reconnectJitterTLS: 250,
    pingInterval: 2_000,
    maxPingOut: 2,
    ignoreAuthErrorAbort: true,
    noAsyncTraces: true, // a stack trace for each publish and ack would cost more than the publish
  };
}

function parse(text: string): URL {
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : undefined;
  if (!url || !['nats:', 'tls:'].includes(url.protocol) || !url.hostname)
    throw new TypeError('A NATS URL looks like nats://user:password@host:4222 or tls://host:4222');
  return url;
}
