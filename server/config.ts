import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
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
  /** Host names that are answered besides the loopback ones; `*` for any. Only the embedded deployment looks at it. */
  readonly allowedHosts: readonly string[];
  /** Origins, besides the server's own, from which a browser may write. */
  readonly allowedOrigins: readonly string[];
  /** Proxies whose `X-Forwarded-For` is believed: how many there are, or their addresses. */
  readonly trustProxy: number | string | undefined;
  /** Writes a minute from one address; 0 for any number. */
  readonly writesPerMinute: number;
  /** Event streams at once from one address; 0 for any number. */
  readonly streamsPerAddress: number;
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
  ALLOWED_HOSTS: list.default([]),
  ALLOWED_ORIGINS: list
    .refine((origins) => origins.every(isOrigin), 'must be origins, such as https://tagwire.example, with commas')
    .default([]),
  TRUST_PROXY: z
    .string()
    .refine(isTrustProxy, 'must be how many proxies stand in front, such as 1, or their addresses, with commas')
    .optional(),
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
  GRACE_SECONDS: wholeNumber(0, 600, 'seconds from 0 to 600').default(10),
});

const ARGUMENTS = { host: 'HOST', port: 'PORT', 'data-dir': 'DATA_DIR' } as const;

/**
 * Reads the configuration from environment variables; the arguments `--port`, `--host` and `--data-dir` go first.
 * An empty variable counts as not set. Throws {@link ConfigError}, which tells everything that is wrong at once.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>, argv: readonly string[] = []): Config {
  const given = Object.entries({ ...env, ...argumentsOf(argv) }).filter(
    ([, value]) => value !== undefined && value !== '',
  );
  const result = Environment.safeParse(Object.fromEntries(given));
  if (!result.success) throw new ConfigError(result.error.issues.map(describe).join('\n'));
  const values = result.data;
  const services = servicesOf(values);
  if (Array.isArray(services)) throw new ConfigError(services.join('\n'));
  return {
    services,
    host: values.HOST ?? '127.0.0.1',
    port: values.PORT,
    dataDir: values.DATA_DIR ?? desktopDataDir(env),
    rendererDir: values.RENDERER_DIR ?? join(import.meta.dirname, '../out/renderer'),
    logLevel: values.LOG_LEVEL,
    allowedHosts: values.ALLOWED_HOSTS.map((host) => host.toLowerCase()),
    allowedOrigins: values.ALLOWED_ORIGINS,
    trustProxy: /^\d+$/.test(values.TRUST_PROXY ?? '') ? Number(values.TRUST_PROXY) : values.TRUST_PROXY,
    // Alone on a machine there is nobody to protect from the others.
    writesPerMinute: values.RATE_LIMIT_WRITES ?? (services === undefined ? 0 : 600),
    streamsPerAddress: values.STREAMS_PER_ADDRESS ?? (services === undefined ? 0 : 1_000),
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
    throw new ConfigError(error instanceof Error ? error.message : String(error));
  }
}

function wholeNumber(min: number, max: number, what: string) {
  return z
    .string()
    .refine((value) => /^\d{1,9}$/.test(value) && Number(value) >= min && Number(value) <= max, `must be ${what}`)
    .transform(Number);
}

/** What express's "trust proxy" takes, but for `true`, which would believe anybody. */
function isTrustProxy(value: string): boolean {
  if (/^\d{1,2}$/.test(value)) return true;
  return value.split(',').every((item) => {
    const [address = '', bits = '0', ...more] = item.trim().split('/');
    const named = ['loopback', 'linklocal', 'uniquelocal'].includes(address);
    return named || (isIP(address) > 0 && /^\d{1,3}$/.test(bits) && more.length === 0);
  });
}

function isOrigin(value: string): boolean {
  return URL.canParse(value) && new URL(value).origin === value;
}

function describe(issue: z.core.$ZodIssue): string {
  return `${issue.path.join('.')} ${issue.message}`;
}
