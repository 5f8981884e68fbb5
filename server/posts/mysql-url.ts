import { readFileSync } from 'node:fs';
import type { PoolOptions } from 'mysql2/promise';

/** A `MYSQL_URL` that can't be used. The message never repeats the URL, which may hold a password. */
export class InvalidMysqlUrl extends Error {
  readonly code = 'INVALID_MYSQL_URL';
}

/** Where and how to connect; `label` says so without the password. */
export type MysqlAddress = { readonly label: string; readonly database: string; readonly options: PoolOptions };

/**
 * Reads `mysql://user:password@host:port/database?ssl-mode=…&ssl-ca=…`. Special characters in user and password are
 * percent-encoded. The parameters are those of MySQL's own clients: `ssl-mode` is DISABLED (default), REQUIRED
 * (encrypted, any certificate), VERIFY_CA or VERIFY_IDENTITY; `ssl-ca` is the file of the authority's certificate.
 */
export function parseMysqlUrl(text: string): MysqlAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['mysql:', 'mariadb:'].includes(url.protocol) || !url.hostname) {
    throw new InvalidMysqlUrl('The MySQL URL must look like mysql://user:password@host:3306/database.');
  }
  const database = decode(url.pathname.slice(1));
  if (!database) throw new InvalidMysqlUrl('The MySQL URL must end in the name of a database: mysql://…/tagwire.');

  const parameters = new Map(url.searchParams);
  const mode = (parameters.get('ssl-mode') ?? 'DISABLED').toUpperCase();
  const ca = parameters.get('ssl-ca');
  parameters.delete('ssl-mode');
  parameters.delete('ssl-ca');
  for (const name of parameters.keys()) {
    throw new InvalidMysqlUrl(`The MySQL URL has an unknown parameter, ${name}; ssl-mode and ssl-ca are known.`);
  }

  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port || 3306);
  return {
    label: `${url.hostname}:${port}/${database}`,
    database,
    options: { host, port, database, user: decode(url.username), password: decode(url.password), ssl: ssl(mode, ca) },
  };
}

function ssl(mode: string, ca: string | undefined): PoolOptions['ssl'] {
  const authority = ca === undefined ? {} : { ca: readAuthority(ca) };
  if (mode === 'DISABLED') return undefined;
  if (mode === 'REQUIRED') return { ...authority, rejectUnauthorized: false };
  if (mode === 'VERIFY_CA') return { ...authority, rejectUnauthorized: true, verifyIdentity: false };
  if (mode === 'VERIFY_IDENTITY') return { ...authority, rejectUnauthorized: true, verifyIdentity: true };
  throw new InvalidMysqlUrl(`ssl-mode in the MySQL URL must be DISABLED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY.`);
}

function readAuthority(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new InvalidMysqlUrl(`ssl-ca in the MySQL URL names a file that can not be read: ${path}.`, { cause: error });
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new InvalidMysqlUrl(
      'The MySQL URL holds a % that is not part of a percent-encoded character; write it as %25.',
    );
  }
}
