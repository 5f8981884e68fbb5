import { accessSync, constants } from 'node:fs';
import { MongoClient } from 'mongodb';
import { z } from 'zod';
import { toConnectionOptions } from './messaging/nats-connection.ts';
import { InvalidMysqlUrl, parseMysqlUrl } from './posts/mysql-url.ts';

/**
 * Where the parts of the shared deployment are; credentials and TLS options are in the URLs. `natsPrefix` tells
 * deployments on one NATS server apart; `natsReplicas` is how many servers of a NATS cluster keep each event (as the stream
 * has it already where undefined).
 */
export type ServiceUrls = {
  readonly mysql: string;
  readonly mongo: string;
  readonly nats: string;
  readonly natsPrefix: string;
  readonly natsReplicas?: number;
};

const SERVICES = {
  MYSQL_URL: { check: mysqlProblem, example: 'mysql://user:password@host:3306/tagwire' },
  MONGO_URL: { check: mongoProblem, example: 'mongodb://user:password@host:27017/tagwire' },
  NATS_URL: { check: natsProblem, example: 'nats://user:password@host:4222' },
};

const NATS_FILES = ['tls_ca', 'tls_cert', 'tls_key'];

/** The variables that name the services, each checked as its adapter will read it. */
export const SERVICE_VARIABLES = {
  MYSQL_URL: serviceUrl('MYSQL_URL').optional(),
  MONGO_URL: serviceUrl('MONGO_URL').optional(),
  NATS_URL: serviceUrl('NATS_URL').optional(),
  NATS_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,32}$/, 'must be 1 to 32 letters, digits, _ and -, such as tagwire')
    .default('tagwire'),
  NATS_REPLICAS: z
    .enum(['1', '3', '5'], 'must be 1, 3 or 5: how many servers of a NATS cluster keep each event')
    .transform(Number)
    .optional(),
};

type ServiceVariables = z.infer<z.ZodObject<typeof SERVICE_VARIABLES>>;

/**
 * The services that the environment names: all of them, or none (`undefined`). For a mixture gives back lines that say
 * what is missing.
 */
export function servicesOf(values: ServiceVariables): ServiceUrls | undefined | string[] {
  const { MYSQL_URL: mysql, MONGO_URL: mongo, NATS_URL: nats } = values;
  if (mysql !== undefined && mongo !== undefined && nats !== undefined) {
    const { NATS_PREFIX: natsPrefix, NATS_REPLICAS: natsReplicas } = values;
    return { mysql, mongo, nats, natsPrefix, ...(natsReplicas !== undefined && { natsReplicas }) };
  }
  const names = Object.keys(SERVICES) as (keyof typeof SERVICES)[];
  const missing = names.filter((name) => values[name] === undefined);
  if (missing.length === names.length) return undefined;
  const lines = missing.map((name) => `${name} is missing: it looks like ${SERVICES[name].example}`);
  return ['A shared server needs MYSQL_URL, MONGO_URL and NATS_URL; one that runs alone has none of them.', ...lines];
}

/** A service's URL as it may be shown and logged: without user, password and options. */
export function redactUrl(url: string): string {
  const [, scheme = '', place = ''] = /^([a-z+]+:\/\/)(?:.*@)?([^?]*)/i.exec(url) ?? [];
  return scheme === '' ? '(not a URL)' : scheme + place;
}

/** Host and port alone, several with commas. */
export function placeOf(url: string): string {
  const places = url.split(',').map((each) => each.trim().replace(/^[a-z+]+:\/\//i, ''));
  return places.map((each) => each.replace(/^.*@/, '').replace(/[/?].*$/, '')).join(', ');
}

function serviceUrl(name: keyof typeof SERVICES) {
  const { example, check } = SERVICES[name];
  return z.string().superRefine((value, context) => {
    const problem = check(value);
    if (problem === undefined) return;
    context.addIssue({ code: 'custom', message: `${problem}; it looks like ${example}` });
  });
}

/** The adapters' own parsers say best what is wrong; they never repeat a URL. */
function mysqlProblem(value: string): string | undefined {
  try {
    parseMysqlUrl(value);
    return undefined;
  } catch (error) {
    return error instanceof InvalidMysqlUrl ? `is not usable: ${error.message.replace(/\.$/, '')}` : 'is not a URL';
  }
}

/** Several hosts with commas, which a URL can't have, are a replica set. */
function mongoProblem(value: string): string | undefined {
  if (!/^mongodb(\+srv)?:\/\/[^\s/]+(\/\S*)?$/.test(value)) return 'is not a MongoDB connection string';
  try {
    void new MongoClient(value); // reads the options, and connects to nothing
  } catch (error) {
    return `is not usable: ${withoutSecrets(error, value)}`;
  }
  const parameters = new URLSearchParams(/\?(.*)$/.exec(value)?.[1]);
  return fileProblem(
    [...parameters].filter(([name]) =>
      ['tlscafile', 'tlscertificatekeyfile', 'tlscrlfile'].includes(name.toLowerCase()),
    ),
  );
}

/** Says which file of these parameters can't be read. */
function fileProblem(files: readonly (readonly [parameter: string, path: string])[]): string | undefined {
  for (const [parameter, path] of files) {
    try {
      accessSync(path, constants.R_OK);
    } catch {
      return `names a file in ${parameter} that can not be read, ${path}`;
    }
  }
  return undefined;
}

/** A driver may repeat what it was given. */
function withoutSecrets(error: unknown, url: string): string {
  const message = error instanceof Error ? error.message.replace(/\.$/, '') : String(error);
  const secret = /:\/\/(?:[^@/]*:)?([^@/]*)@/.exec(url)?.[1];
  return secret && message.includes(secret) ? 'it can not be read' : message;
}

function natsProblem(value: string): string | undefined {
  const parameters = value.split(',').flatMap((url) => [...new URLSearchParams(/\?(.*)$/.exec(url)?.[1])]);
  const unknown = parameters.find(([name]) => !NATS_FILES.includes(name));
  if (unknown) return `has an unknown option, ${unknown[0]}; ${NATS_FILES.join(', ')} are known`;
  const problem = fileProblem(parameters);
  if (problem) return problem;
  try {
    toConnectionOptions({ url: value });
    return undefined;
  } catch {
    return 'is not usable';
  }
}
