import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compile as compileProxies } from 'proxy-addr';
import { z } from 'zod';
import { SERVICE_VARIABLES, servicesOf, type ServiceUrls } from './service-urls.ts';

export type { ServiceUrls };

/** All that can be configured (docs/operations.md has the table). */
export type Config = {
  /** `undefined` for the embedded deployment: SQLite files in `dataDir`, in-process pub/sub. */
  readonly services: ServiceUrls | undefined;
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  readonly dataDir: string;
  readonly rendererDir: string;
  readonly logLevel: (typeof LOG_LEVELS)[number];
  /** Host names that are answered besides the loopback ones, that of `PUBLIC_URL` included; `*` for any. */
  readonly allowedHosts: readonly string[];
  /** Origins, besides the server's own, from which a browser may write, that of `PUBLIC_URL` included. */
  readonly allowedOrigins: readonly string[];
  /** Addresses and networks of proxies whose `X-Forwarded-For` is believed, as proxy-addr takes them. */
  readonly trustProxy: readonly string[];
  /** Writes a minute from one address; 0 for any number. */
  readonly writesPerMinute: number;
  /** Event streams at once from one address; 0 for any number. */
  readonly streamsPerAddress: number;
  /** Connections at once. */
  readonly maxConnections: number;
  /** How often, in ms, every stream is vouched for: clients take their limits from it. */
  readonly heartbeatMs: number;
  /** How long a shutdown may take, in ms, before connections are cut. */
  readonly graceMs: number;
};

/** The configuration is wrong; the message has a line for each variable, and no value that may hold a password. */
export class ConfigError extends Error {
  readonly code = 'INVALID_CONFIG';
  override readonly name = 'ConfigError';
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
const list = z.string().transform((value) =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);

const Environment = z.object({
  PORT: wholeNumber(0, 65_535, 'a port from 0 to 65535, such as 8080').default(8080),
  HOST: z.string().regex(/^\S+$/, 'must be an address to listen on, such as 127.0.0.1 or 0.0.0.0').optional(),
  DATA_DIR: z.string().optional(),
  RENDERER_DIR: z.string().optional(),
  ...SERVICE_VARIABLES,
  LOG_LEVEL: z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`).default('info'),
  PUBLIC_URL: z
    .string()
    .refine(isWebAddress, 'must be the address by which browsers come, such as https://tagwire.example')
    .transform((value) => new URL(value))
    .optional(),
  ALLOWED_HOSTS: list
    .refine((hosts) => hosts.every(isHostName), 'must be host names, such as tagwire.example, with commas; * for any')
    .default([]),
  ALLOWED_ORIGINS: list
    .refine((origins) => origins.every(isOrigin), 'must be origins, such as https://tagwire.example, with commas')
    .default([]),
  TRUST_PROXY: list
    .refine(
      (proxies) => !proxies.some((proxy) => /^\d+$/.test(proxy)),
      'must be the addresses of the proxies in front, such as 10.0.0.2 or 10.0.0.0/8; how many there are tells nobody apart',
    )
    .refine(
      areProxies,
      'must be addresses or networks of proxies, with commas, such as 10.0.0.2, fd00::/8, loopback or uniquelocal',
    )
    .default([]),
  RATE_LIMIT_WRITES: wholeNumber(
    0,
    1_000_000,
    'writes a minute from one address, such as 600; 0 for no limit',
  ).optional(),
  STREAMS_PER_ADDRESS: wholeNumber(
    0,
    1_000_000,
    'event streams at once from one address, such as 1000; 0 for no limit',
  ).optional(),
  MAX_CONNECTIONS: wholeNumber(10, 1_000_000, 'connections at once, such as 25000').default(25_000),
  HEARTBEAT_SECONDS: wholeNumber(1, 15, 'seconds from 1 to 15').default(15),
  GRACE_SECONDS: wholeNumber(0, 600, 'seconds from 0 to 600').default(10),
});

/** The names of all variables that mean something. */
export const VARIABLES: readonly string[] = Object.keys(Environment.shape);

const ARGUMENTS = { host: 'HOST', port: 'PORT', 'data-dir': 'DATA_DIR' } as const;

const NO_NAME =
  'PUBLIC_URL is missing: the address by which browsers reach this server, such as https://tagwire.example ' +
  '(or ALLOWED_HOSTS: its host names). Requests to any other host are refused.';

/**
 * Reads the configuration from environment variables; the arguments `--port`, `--host` and `--data-dir` go first.
 * An empty variable counts as not set. A tool does not serve, so it need not know by which name others would come.
 * Throws {@link ConfigError}, which tells everything that is wrong at once.
 */
export function readConfig(
  env: Readonly<Record<string, string | undefined>>,
  argv: readonly string[] = [],
  use: 'server' | 'tool' = 'server',
): Config {
  const given = Object.entries({ ...env, ...argumentsOf(argv) }).filter(
    ([, value]) => value !== undefined && value !== '',
  );
  const result = Environment.safeParse(Object.fromEntries(given));
  if (!result.success) throw new ConfigError(result.error.issues.map(describe).join('\n'));
  const values = result.data;
  const services = servicesOf(values);
  if (Array.isArray(services)) throw new ConfigError(services.join('\n'));
  const { PUBLIC_URL: url } = values;
  const isNamed = url !== undefined || values.ALLOWED_HOSTS.length > 0;
  if (use === 'server' && services !== undefined && !isNamed) throw new ConfigError(NO_NAME);
  return {
    services,
    host: values.HOST ?? '127.0.0.1',
    port: values.PORT,
    dataDir: values.DATA_DIR ?? desktopDataDir(env),
    rendererDir: values.RENDERER_DIR ?? join(import.meta.dirname, '../out/renderer'),
    logLevel: values.LOG_LEVEL,
    allowedHosts: [...values.ALLOWED_HOSTS.map((host) => host.toLowerCase()), ...(url ? [url.hostname] : [])],
    allowedOrigins: [...values.ALLOWED_ORIGINS, ...(url ? [url.origin] : [])],
    trustProxy: values.TRUST_PROXY,
    // Alone on a machine there is nobody to protect from the others.
    writesPerMinute: values.RATE_LIMIT_WRITES ?? (services === undefined ? 0 : 600),
    streamsPerAddress: values.STREAMS_PER_ADDRESS ?? (services === undefined ? 0 : 1_000),
    maxConnections: values.MAX_CONNECTIONS,
    heartbeatMs: values.HEARTBEAT_SECONDS * 1000,
    graceMs: values.GRACE_SECONDS * 1000,
  };
}

/** Where the desktop app keeps its data too (Electron's `userData`, which env-paths and XDG's data folder are not). */
function desktopDataDir(env: Readonly<Record<string, string | undefined>>): string {
  const home = homedir();
  const appData = {
    darwin: join(home, 'Library', 'Application Support'),
    win32: env['APPDATA'] ?? join(home, 'AppData', 'Roaming'),
  };
  const parent = appData[process.platform as keyof typeof appData] ?? env['XDG_CONFIG_HOME'] ?? join(home, '.config');
  return join(parent, 'Tagwire', 'data');
}

function argumentsOf(argv: readonly string[]): Record<string, string | undefined> {
  const options = { host: { type: 'string' }, port: { type: 'string' }, 'data-dir': { type: 'string' } } as const;
  try {
    const { values } = parseArgs({ args: [...argv], options, strict: true });
    return Object.fromEntries(
      Object.entries(ARGUMENTS)
        .map(([name, variable]) => [variable, values[name as keyof typeof values]])
        .filter(([, value]) => value !== undefined),
    );
  } catch (error) {
    const [reason = ''] = (error instanceof Error ? error.message : String(error)).split('. ');
    const known = Object.keys(ARGUMENTS).map((name) => `--${name}`);
    throw new ConfigError(`${reason}; ${known.join(', ')} are known.`);
  }
}

function wholeNumber(min: number, max: number, what: string) {
  return z
    .string()
    .refine((value) => /^\d{1,9}$/.test(value) && Number(value) >= min && Number(value) <= max, `must be ${what}`)
    .transform(Number);
}

function areProxies(values: readonly string[]): boolean {
  try {
    compileProxies([...values]);
    return true;
  } catch {
    return false;
  }
}

function isWebAddress(value: string): boolean {
  const url = URL.parse(value);
  return url !== null && /^https?:$/.test(url.protocol) && `${url.username}${url.search}${url.hash}` === '';
}

/** A name, an address, or one of IPv6 in brackets; a port would be passed over. */
function isHostName(value: string): boolean {
  return value === '*' || /^(\[[0-9a-f:.]+\]|[^\s:/@[\]]+)$/i.test(value);
}

function isOrigin(value: string): boolean {
  return URL.canParse(value) && new URL(value).origin === value;
}

function describe(issue: z.core.$ZodIssue): string {
  return `${issue.path.join('.')} ${issue.message}`;
}
